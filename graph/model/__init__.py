"""The chat model: calls, context window, tool rounds."""
