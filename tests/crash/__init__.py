"""Kill the agent at any point, and see that nothing is lost and nothing stands twice."""
