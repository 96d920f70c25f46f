"""Delivery of each answer exactly once, within Telegram's limits."""
