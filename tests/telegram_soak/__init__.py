"""Soak tests: the Telegram bot is killed at any point; each message gets one answer, in order."""
