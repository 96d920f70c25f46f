"""Notebook helpers: turns step by step, and tables."""
