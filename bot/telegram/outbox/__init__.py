"""Answers that are sent once, within Telegram's limits."""
