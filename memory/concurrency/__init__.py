"""Deadlines, thread pools, background tasks and HTTP clients."""
