"""Contestants of the recall benchmark, run on the same archives."""
