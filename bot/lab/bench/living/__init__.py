"""The benchmark of lives in conversation: follow-ups, corrections, near misses."""
