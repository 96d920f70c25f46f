"""Crash tests: kill the agent at any point, and check that no turn is lost or duplicated."""
