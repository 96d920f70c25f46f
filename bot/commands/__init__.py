"""The commands of `goat`."""
