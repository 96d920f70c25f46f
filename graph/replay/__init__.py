"""Replay of past turns, with the same or other settings."""
