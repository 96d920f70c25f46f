"""Data sets and committed figures of the benchmarks."""
