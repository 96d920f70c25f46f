"""Reminders: their times, their wording in messages, and their store."""
