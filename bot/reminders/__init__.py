"""Reminders for any front end: set, offered, described."""
