"""Benchmarks, labelling and notebook helpers."""
