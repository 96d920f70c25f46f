"""Readers of the data sets that the benchmarks use."""
