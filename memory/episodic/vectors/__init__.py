"""Vectors in Chroma and next to the log; the noise floor."""
