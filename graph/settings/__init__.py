"""Settings, their sources, and trust in configuration files."""
