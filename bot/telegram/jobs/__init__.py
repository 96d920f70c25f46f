"""Background jobs in a chat."""
