"""The agent: running, resuming and erasing turns."""
