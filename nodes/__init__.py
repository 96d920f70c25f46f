"""The nodes of the graph: one file for each, named after it."""
