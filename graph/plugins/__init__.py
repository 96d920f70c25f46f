"""The plugins that come with the agent; each file is one, as those in a user's folder are."""
