"""Voice messages, pictures and documents as text, for any front end."""
