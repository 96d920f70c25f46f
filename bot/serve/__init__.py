"""An OpenAI-compatible server, so that any client of that form has this memory."""
