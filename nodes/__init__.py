"""The graph's nodes, one per file, named after it."""
