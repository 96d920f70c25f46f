"""The checkpointer on Redis, and the leases on threads."""
