"""L0 and L1 on a Letta server."""
