"""Exports of all of an owner's memory, and their import."""
