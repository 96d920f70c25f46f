"""Benchmarks, labelling and tuning; notebooks import everything from here."""

from importlib import import_module
from typing import Any

from bot.lab.contents import MODULES


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: many need matplotlib, pandas or ipywidgets."""
    if name not in MODULES:
        raise AttributeError(f"bot.lab has no {name!r}; `dir(bot.lab)` lists what it has")
    return getattr(import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(MODULES)
