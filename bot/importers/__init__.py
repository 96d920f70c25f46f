"""Import of conversations from files."""
