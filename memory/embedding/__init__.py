"""Embedding models: the built-in one and OpenAI-compatible endpoints."""
