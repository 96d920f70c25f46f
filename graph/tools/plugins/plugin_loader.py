"""Loading of a plugin: its code and `build` run in a thread, so that they cannot block the agent."""

import itertools
import os
import re
import sys
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from graph.settings.settings import secret_names
from graph.settings.sources import PREFIX
from graph.tools.daemon_threads import InterruptibleThread, ends, error_text, interrupt_until
from graph.tools.plugins.plugin_checks import check_tools
from graph.tools.plugins.plugin_files import PluginProblem
from graph.tools.plugins.services import PluginServices

LOAD_SECONDS = 10.0
_LONGEST = 600
_numbers = itertools.count(1)
_SECRET = re.compile(r"(?i)(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIAL)S?(_|$)")


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A loaded version of a plugin."""

    tools: tuple[BaseTool, ...]
    module: str

    def unload(self) -> None:
        """Remove the module from `sys.modules`; running calls are not affected."""
        sys.modules.pop(self.module, None)


def load_plugin(
    path: Path, code: bytes, services: PluginServices, seconds: float = LOAD_SECONDS
) -> LoadedPlugin:
    """Run a plugin's code and `build`; blocks for up to `seconds`.

    Raises:
        PluginProblem: it fails or takes too long; it is unloaded.
    """
    module = ModuleType(f"goat_plugin_{next(_numbers)}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses and pydantic look up a class's module
    thread = InterruptibleThread(partial(_build, module, code, services), f"loading-{path.stem}")
    try:
        thread.start()
        return LoadedPlugin(_result(thread, path, seconds), module.__name__)
    except PluginProblem:
        sys.modules.pop(module.__name__, None)
        raise
    finally:
        interrupt_until(thread)


def _build(module: ModuleType, code: bytes, services: PluginServices) -> tuple[BaseTool, ...]:
    exec(compile(code, str(module.__file__), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - a plugin
    build = getattr(module, "build", None)
    if not callable(build):
        raise PluginProblem("It has no function build(services).")
    return check_tools(build(services), Path(str(module.__file__)).stem)


def _result(
    thread: InterruptibleThread[tuple[BaseTool, ...]], path: Path, seconds: float
) -> tuple[BaseTool, ...]:
    if not ends(thread.outcome, seconds):
        raise PluginProblem(f"It was not loaded within {seconds:g} s: its code or build does not end.")
    error = thread.outcome.exception()
    if error is None:
        return thread.outcome.result()
    if isinstance(error, PluginProblem):
        raise error
    raise PluginProblem(_describe(error, path)) from error


def _describe(error: BaseException, path: Path) -> str:
    """Return an error's text with the line of the plugin that raised it."""
    line: Any = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        line = frame.lineno if frame.filename == str(path) else line
    where = f"line {line}: " if line else ""
    return f"{where}{error_text(error)}"[:_LONGEST]


def withhold_secrets(granted: Collection[str]) -> None:
    """Remove variables with secret names from the environment, except the granted ones.

    GOAT's own secrets are in the settings, which are read before.
    """
    ours = {f"{PREFIX}{name}".upper() for name in secret_names()}
    for name in set(os.environ).difference(granted):
        if name.upper() in ours or _SECRET.search(name):
            del os.environ[name]
