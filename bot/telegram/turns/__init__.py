"""A message as a turn: progress, approval, answer."""
