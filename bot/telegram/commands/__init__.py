"""Commands in a chat, and reactions."""
