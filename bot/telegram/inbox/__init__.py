"""Incoming updates in Redis, one queue per chat and topic."""
