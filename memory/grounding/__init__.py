"""Checks a reply's figures against its sources."""

from memory.grounding.figure_check import ungrounded

__all__ = ["ungrounded"]
