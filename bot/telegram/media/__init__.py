"""Voice, pictures and documents as text."""
