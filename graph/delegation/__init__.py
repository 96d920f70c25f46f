"""Background jobs: a team of model roles in a separate graph, with a budget."""
