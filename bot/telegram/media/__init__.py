"""Voice messages, pictures and documents as text."""
