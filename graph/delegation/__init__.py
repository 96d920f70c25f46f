"""Background agents: a graph of their own with a budget."""
