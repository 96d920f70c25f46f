"""The commands of `goat`, one module each."""
