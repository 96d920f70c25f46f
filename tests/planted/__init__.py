"""Planted bugs: proof that the default suite catches what it is there for."""
