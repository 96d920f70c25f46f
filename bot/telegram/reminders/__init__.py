"""Reminders in a chat."""
