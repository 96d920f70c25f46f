"""Checked changes of thresholds: apply, roll back."""
