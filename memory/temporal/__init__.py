"""Dates and periods that a message refers to."""
