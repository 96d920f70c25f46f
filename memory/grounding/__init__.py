"""Checks a reply's figures against its sources."""

from memory.grounding.figure_check import ungrounded
from memory.grounding.figure_finder import Figure, figures

__all__ = ["Figure", "figures", "ungrounded"]
