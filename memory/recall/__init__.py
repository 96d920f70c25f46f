"""Ranking and the gap filter's rules, as pure functions."""
