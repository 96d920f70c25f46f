"""Access control: people, groups, pairing codes, rate limit."""
