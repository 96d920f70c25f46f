"""Helpers of the notebooks: a turn step by step, tables and plots."""
