"""The former place of `memory.prompt.window`: what Studio's server has pickled names it."""

from memory.prompt.window import Space

__all__ = ["Space"]
