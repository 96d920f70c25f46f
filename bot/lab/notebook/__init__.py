"""Notebook helpers: turns step by step, tables and plots."""
