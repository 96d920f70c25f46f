"""Deadlines, thread pools and background tasks."""
