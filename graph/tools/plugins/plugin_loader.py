"""Loading of a plugin: its file is checked before it runs, its tools before they are offered.

Its code and `build` run in a thread, so that they cannot block the agent.
"""

import itertools
import os
import re
import stat
import sys
import traceback
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from langchain_core.tools import BaseTool
from pydantic import ValidationError, create_model

from graph.settings.settings import secret_names
from graph.settings.sources import PREFIX
from graph.tools.daemon_threads import InterruptibleThread, ends, error_text, interrupt_until
from graph.tools.isolation import PLUGIN
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits, arguments_schema, traits_of
from memory.errors import GoatError

MOST_BYTES = 1_000_000
MOST_TOOLS = 50
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TRAITS = "goat"
_FIELDS: dict[str, Any] = {
    name: (kind, None) for name, kind in get_type_hints(Traits, include_extras=True).items()
}
_Checked = create_model("_Checked", **_FIELDS)

LOAD_SECONDS = 10.0
_LONGEST = 600
_numbers = itertools.count(1)
_SECRET = re.compile(r"(?i)(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIAL)S?(_|$)")


class PluginProblem(GoatError):
    """A plugin cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFile:
    """A plugin's file in a folder."""

    path: Path
    shipped: bool
    stamp: tuple[int, ...]
    """Changes when the file does."""


def read_plugin(file: PluginFile, owners: Collection[int]) -> bytes:
    """Return a plugin's code; a user's file must belong to one of `owners`.

    Raises:
        PluginProblem: it cannot be read, is not a regular file, is too large, or others may have written it.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as opened:  # noqa: PTH123 - reads the file that is checked
            _check_file(os.fstat(descriptor), file, owners)
            return opened.read(MOST_BYTES)
    except OSError as error:
        raise PluginProblem(f"It cannot be read: {error.strerror}.") from None


def trusted_owners(data_folder: Path) -> set[int]:
    """Return the users whose files may run: this process's, root, and the data folder's owner."""
    if os.name != "posix":
        return set()
    try:
        return {0, os.geteuid(), data_folder.stat().st_uid}
    except OSError:
        return {0, os.geteuid()}


def _check_file(about: os.stat_result, file: PluginFile, owners: Collection[int]) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise PluginProblem("It is not a regular file.")
    if about.st_size >= MOST_BYTES:
        raise PluginProblem(f"It is larger than {MOST_BYTES // 1000} kB.")
    if file.shipped or os.name != "posix":
        return
    if about.st_mode & stat.S_IWOTH:
        raise PluginProblem(f"Everybody may write to it. Run: chmod o-w {file.path}")
    if about.st_uid not in owners:
        raise PluginProblem(f"It belongs to another user (uid {about.st_uid}). Make it yours, or remove it.")


def check_tools(built: Any, plugin: str) -> tuple[BaseTool, ...]:
    """Return the tools that `build` returned, marked as isolated.

    Raises:
        PluginProblem: it is not a list of tools, or one of them cannot be offered to a model.
    """
    if isinstance(built, Coroutine):
        built.close()
        raise PluginProblem("build must not be async; the tools may be.")
    if not isinstance(built, list | tuple):
        raise PluginProblem(f"build must return a list of tools; it returned {_kind(built)}.")
    if len(built) > MOST_TOOLS:
        raise PluginProblem(f"build returned {len(built)} tools; at most {MOST_TOOLS} are taken.")
    tools = tuple(_check_tool(tool, plugin) for tool in built)
    names = [tool.name for tool in tools]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PluginProblem(f"Two of its tools are called {', '.join(sorted(twice))}.")
    return tools


def _check_tool(tool: Any, plugin: str) -> BaseTool:
    if not isinstance(tool, BaseTool):
        raise PluginProblem(
            f"build must return tools; one is {_kind(tool)}. Make it one with @tool of langchain_core.tools."
        )
    if not (isinstance(tool.name, str) and _NAME.fullmatch(tool.name)):
        raise PluginProblem(
            f"A tool is called {str(tool.name)[:80]!r}; a name is 1 to 64 of a-z, A-Z, 0-9, _ and -."
        )
    if not (isinstance(tool.description, str) and tool.description.strip()):
        raise PluginProblem(f"{tool.name} has no description: say what it does and when to use it.")
    _check_arguments(tool)
    _check_traits(tool)
    metadata = {**(tool.metadata or {}), **replace(traits_of(tool), isolated=True).metadata(), PLUGIN: plugin}
    return tool.model_copy(update={"metadata": metadata})


def _check_arguments(tool: BaseTool) -> None:
    try:
        schema = arguments_schema(tool)
    except Exception as error:  # a plugin's argument types may raise anything
        raise PluginProblem(
            f"The arguments of {tool.name} have no JSON schema: {error_text(error)}"
        ) from error
    if not isinstance(schema, Mapping):
        raise PluginProblem(f"The arguments of {tool.name} have no JSON schema.")


def _check_traits(tool: BaseTool) -> None:
    """Refuse unknown traits: a misspelt one may be the one that keeps a call safe."""
    given = (tool.metadata or {}).get(_TRAITS, {})
    if not isinstance(given, Mapping):
        raise PluginProblem(f"The traits of {tool.name} are not a mapping; write Traits(...).metadata().")
    if unknown := set(map(str, given)) - set(Traits.__dataclass_fields__):
        raise PluginProblem(f"{tool.name} has unknown traits: {', '.join(sorted(unknown))}.")
    try:
        _Checked.model_validate(dict(given), strict=True)
    except ValidationError as error:
        (wrong, *_) = error.errors()
        name = str(wrong["loc"][0])
        raise PluginProblem(f"The trait {name} of {tool.name} cannot be {given[name]!r:.80}.") from None


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"of the type {type(value).__name__}"


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
