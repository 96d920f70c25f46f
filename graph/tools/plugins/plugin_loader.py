"""Load a plugin: run its code and its `build`, where neither can hold anything up."""

import itertools
import os
import re
import sys
import traceback
from collections.abc import Collection
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from graph.settings.settings import secret_names
from graph.settings.sources import PREFIX
from graph.tools.daemon_threads import Guest, insist, words_of
from graph.tools.plugins.plugin_checks import checked
from graph.tools.plugins.plugin_files import PluginProblem
from graph.tools.plugins.services import PluginServices

LOAD_SECONDS = 10.0
_LONGEST = 600
_numbers = itertools.count(1)
_SECRET = re.compile(r"(?i)(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIAL)S?(_|$)")


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A version of a plugin."""

    tools: tuple[BaseTool, ...]
    module: str

    def let_go(self) -> None:
        """Forget the module; calls that still run keep what they use of it."""
        sys.modules.pop(self.module, None)


def load_plugin(
    path: Path, code: bytes, services: PluginServices, seconds: float = LOAD_SECONDS
) -> LoadedPlugin:
    """Run a plugin's code and `build`; blocks for up to `seconds`.

    Raises:
        PluginProblem: it does not work, or takes too long; nothing of it is kept.
    """
    module = ModuleType(f"goat_plugin_{next(_numbers)}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pydantic look a class's module up there
    guest = Guest(partial(_built, module, code, services), f"loading-{path.stem}")
    try:
        guest.start()
        return LoadedPlugin(_result(guest, path, seconds), module.__name__)
    except PluginProblem:
        sys.modules.pop(module.__name__, None)
        raise
    finally:
        insist(guest, lambda patience: bool(wait({guest.outcome}, patience).done))


def _built(module: ModuleType, code: bytes, services: PluginServices) -> tuple[BaseTool, ...]:
    exec(compile(code, str(module.__file__), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - a plugin
    build = getattr(module, "build", None)
    if not callable(build):
        raise PluginProblem("It has no function build(services).")
    return checked(build(services), Path(str(module.__file__)).stem)


def _result(guest: Guest[tuple[BaseTool, ...]], path: Path, seconds: float) -> tuple[BaseTool, ...]:
    if not wait({guest.outcome}, seconds).done:
        raise PluginProblem(f"It was not loaded within {seconds:g} s: its code or build does not end.")
    error = guest.outcome.exception()
    if error is None:
        return guest.outcome.result()
    if isinstance(error, PluginProblem):
        raise error
    raise PluginProblem(_said(error, path)) from error


def _said(error: BaseException, path: Path) -> str:
    """Say what was raised, and on which line of the plugin."""
    line: Any = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        line = frame.lineno if frame.filename == str(path) else line
    where = f"line {line}: " if line else ""
    return f"{where}{words_of(error)}"[:_LONGEST]


def withhold_secrets(granted: Collection[str]) -> None:
    """Take out of the environment whatever is secret by its name, but for what was granted.

    The settings were read before, and hold what is ours.
    """
    ours = {f"{PREFIX}{name}".upper() for name in secret_names()}
    for name in set(os.environ).difference(granted):
        if name.upper() in ours or _SECRET.search(name):
            del os.environ[name]
