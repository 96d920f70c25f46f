"""Benchmarks of recall and of what is shown, on any labelled data."""
