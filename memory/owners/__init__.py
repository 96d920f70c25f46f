"""Owners' files and their erasure."""
