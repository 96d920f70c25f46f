"""The prompt: token budget, fences, dates."""
