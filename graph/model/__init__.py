"""The chat model: calls, context window, rounds of tools."""
