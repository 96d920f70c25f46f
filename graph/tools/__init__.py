"""Tools of the model: memory tools, their traits, limits and isolation."""
