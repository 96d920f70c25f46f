"""The story of each step, as Studio and `/why` show it."""
