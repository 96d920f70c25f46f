"""Measurements of turns, and their totals."""
