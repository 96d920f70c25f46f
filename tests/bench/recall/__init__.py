"""Recall measured on labelled conversations: `python -m tests.bench.recall`."""
