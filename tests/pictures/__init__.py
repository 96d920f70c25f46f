"""Pictures of README.md and docs/, drawn from the real program."""
