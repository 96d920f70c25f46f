"""Plugins that come with the agent, one per file, as in a user's folder."""
