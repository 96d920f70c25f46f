"""The Redis checkpointer and thread leases."""
