"""Tokens, marks and invisible characters of texts."""
