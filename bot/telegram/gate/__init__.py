"""The check that every update passes first."""
