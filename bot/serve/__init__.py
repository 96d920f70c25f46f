"""An OpenAI-compatible server, which gives any such client this memory."""
