"""Chat commands and reactions."""
