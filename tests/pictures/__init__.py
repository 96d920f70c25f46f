"""The pictures of the README and the docs, made by the code that they show."""
