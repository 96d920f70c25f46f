"""L2 and L2.5 on Redis: the conversation and the session cache."""
