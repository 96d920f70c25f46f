"""Pictures of README.md and docs/, made by the code that they show."""
