"""The verbatim log of episodes, labels, feedback and observations."""
