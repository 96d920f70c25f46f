"""A turn and its figures as text for people."""
