"""The agent: the LangGraph graph, its state, settings, checkpointer and runs."""
