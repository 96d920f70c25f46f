"""The search of an owner's archive."""
