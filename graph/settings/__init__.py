"""Every setting, its sources, and who is trusted to set it."""
