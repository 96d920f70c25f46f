"""Benchmarks, labelling and helpers of the notebooks."""
