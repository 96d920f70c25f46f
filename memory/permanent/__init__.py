"""L0 and L1: identity and facts, in the owner's file or on a Letta server."""
