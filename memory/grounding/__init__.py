"""Figures of a reply, held against the texts that it rests on."""

from memory.grounding.figure_check import ungrounded
from memory.grounding.figure_finder import Figure, figures

__all__ = ["Figure", "figures", "ungrounded"]
