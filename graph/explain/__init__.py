"""Explanations of a turn and its nodes, for Studio, `/why` and the log."""
