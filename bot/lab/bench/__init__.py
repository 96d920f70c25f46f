"""Benchmarks of recall, on any labelled data."""
