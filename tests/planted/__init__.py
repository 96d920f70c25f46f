"""Planted bugs, which prove that the default suite catches what it should."""
