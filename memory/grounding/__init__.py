"""Figures of a reply, held against the texts that it rests on."""

from memory.grounding.check import ungrounded
from memory.grounding.find import Figure, figures

__all__ = ["Figure", "figures", "ungrounded"]
