"""LangGraph Studio's server: access, threads, state."""
