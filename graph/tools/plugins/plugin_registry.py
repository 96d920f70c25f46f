"""The agent's plugins, shipped and from the user's folder, reloaded when their files change."""

import asyncio
import logging
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from langchain_core.tools import BaseTool

from graph.settings.server_settings import split_names
from graph.settings.settings import Settings
from graph.tools.isolation import PluginIsolation
from graph.tools.plugins.plugin_loader import (
    LOAD_SECONDS,
    LoadedPlugin,
    PluginFile,
    PluginProblem,
    load_plugin,
    read_plugin,
    trusted_owners,
    withhold_secrets,
)
from graph.tools.plugins.services import ArtifactUpkeep, PluginServices, erase_artifacts
from memory.concurrency.tasks import DaemonPool

SHIPPED = Path(__file__).parents[2] / "plugins"
PATIENCE_SECONDS = 2.0
"""How long a turn waits for loading plugins before it continues with those already loaded."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadFile:
    """A file with the last version of it that worked, and the current version's problem."""

    file: PluginFile
    good: LoadedPlugin | None
    problem: str = ""


class PluginRegistry:
    """Checks the files whenever the tools are requested, and loads changed ones.

    Refreshes run in one thread, one at a time, and replace the loaded plugins as a whole: a turn sees either
    a file's old tools or its new ones.
    """

    def __init__(
        self,
        settings: Settings,
        services: PluginServices,
        *,
        shipped: Path = SHIPPED,
        load_seconds: float = LOAD_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.isolation = PluginIsolation()
        self._secrets = split_names(settings.plugin_secrets)
        self._data_folder = settings.data_folder
        self._folder = settings.plugins_folder or settings.data_folder / "plugins"
        self._services = services
        self._shipped = shipped
        self._load_seconds = load_seconds
        self._patience = patience
        self._upkeep = ArtifactUpkeep(self._data_folder)
        self._lock = threading.Lock()
        self._thread = DaemonPool(1, "goat-plugins")
        self._refreshing: Future[None] | None = None
        self._read: dict[str, _ReadFile] = {}
        self._loaded: dict[str, LoadedPlugin] = {}
        self._shown: Mapping[str, LoadedPlugin] = {}
        self._unreadable: Mapping[str, str] = {}
        self._problems: Mapping[str, str] = {}

    async def tools(self) -> Sequence[BaseTool]:
        """Return the tools of the current files; of a broken file, those of its last working version.

        If loading takes long, return the tools loaded so far.
        """
        if not self._upkeep.is_running:
            self._upkeep.begin()
        await self._wait(self._patience)
        return [tool for plugin in self._shown.values() for tool in plugin.tools]

    async def problems(self) -> Mapping[str, str]:
        """Return the problems by file, after all files are loaded."""
        await self._wait(None)
        return self._problems

    async def report(self) -> str:
        """Return one line about the plugins, after all files are loaded."""
        await self._wait(None)
        names = sorted(tool.name for plugin in self._shown.values() for tool in plugin.tools)
        folder = self._folder
        return f"{len(names)} tools of {len(self._shown)} plugins: {', '.join(names)}; yours go to {folder}"

    async def erase(self, *, owner: str) -> None:
        """Remove an owner's files for the chat.

        Raises:
            DataFolderError: they cannot be removed.
        """
        await asyncio.to_thread(erase_artifacts, owner, self._data_folder)

    async def aclose(self) -> None:
        """Stop all tools and unload the plugins; a later call loads them again."""
        if self._refreshing is not None and not self._refreshing.done():
            await self._wait(self._patience)
        self._thread.shutdown()
        self._thread = DaemonPool(1, "goat-plugins")
        self._read, self._shown = {}, {}
        self._keep()
        self._upkeep.end()
        await self.isolation.aclose()

    async def _wait(self, seconds: float | None) -> None:
        """Wait up to `seconds` for the running refresh, or else for a new one."""
        with self._lock:
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = self._thread.submit(self._refresh)
            refreshing = self._refreshing
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.wrap_future(refreshing)

    def _refresh(self) -> None:
        files, unreadable = self._files()
        if unreadable == self._unreadable and files == {name: read.file for name, read in self._read.items()}:
            return
        for name in set(self._read) - set(files):
            del self._read[name]
        for name, file in files.items():
            known = self._read.get(name)
            if known is None or known.file != file:
                self._read[name] = self._load(file, known.good if known else None)
                self._publish()
        broken = {name: read.problem for name, read in self._read.items() if read.problem}
        problems = {**unreadable, **self._publish(), **broken}
        for name, problem in problems.items():
            if self._problems.get(name) != problem:
                logger.warning("The plugin %s has a problem: %s", name, problem)
        self._unreadable, self._problems = unreadable, problems

    def _files(self) -> tuple[dict[str, PluginFile], dict[str, str]]:
        """List the files by name; a user's file replaces a shipped one of the same name."""
        files: dict[str, PluginFile] = {}
        problems: dict[str, str] = {}
        for folder, shipped in ((self._shipped, True), (self._folder, False)):
            try:
                files |= {file.path.name: file for file in _list_folder(folder, shipped=shipped)}
            except PluginProblem as problem:
                problems[str(folder)] = str(problem)
        return files, problems

    def _load(self, file: PluginFile, last: LoadedPlugin | None) -> _ReadFile:
        if not file.shipped:
            withhold_secrets(self._secrets)
        services = replace(self._services, plugin=file.path.stem)
        try:
            code = read_plugin(file, trusted_owners(self._data_folder))
            good = load_plugin(file.path, code, services, self._load_seconds)
        except PluginProblem as problem:
            kept = ". Its last version that worked is used." if last else "."
            return _ReadFile(file=file, good=last, problem=str(problem).rstrip(".") + kept)
        return _ReadFile(file=file, good=good)

    def _publish(self) -> Mapping[str, str]:
        """Replace the loaded plugins by the ones read; return the name clashes by file."""
        wanted = {name: read.good for name, read in self._read.items() if read.good is not None}
        shown, clashes = resolve_clashes(self._shown, wanted)
        self._shown = shown
        self._keep(*shown.values(), *wanted.values())
        return clashes

    def _keep(self, *used: LoadedPlugin) -> None:
        """Unload every other version."""
        kept = {plugin.module: plugin for plugin in used}
        for module in set(self._loaded) - set(kept):
            self._loaded[module].unload()
        self._loaded = kept


def _list_folder(folder: Path, *, shipped: bool) -> list[PluginFile]:
    """List a folder's plugins: `*.py` except names that start with `_` or `.`; a missing folder has none.

    Raises:
        PluginProblem: the folder cannot be read or is writable by everybody.
    """
    try:
        if not shipped and folder.stat().st_mode & stat.S_IWOTH and os.name == "posix":
            raise PluginProblem(f"Everybody may write to it. Run: chmod o-w {folder}")
        paths = [path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "._"]
        files = (PluginFile(path=path, shipped=shipped, stamp=_stamp(path)) for path in paths)
        return sorted(files, key=lambda file: file.path.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PluginProblem(f"It cannot be read: {error.strerror}.") from None


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = path.stat()
    except OSError:  # a dangling link or a file just removed: reading it reports the problem
        return ()
    return about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino, about.st_mode, about.st_uid


def resolve_clashes(
    shown: Mapping[str, LoadedPlugin], wanted: Mapping[str, LoadedPlugin]
) -> tuple[dict[str, LoadedPlugin], dict[str, str]]:
    """Resolve name clashes between plugins; return the plugins to offer and the clashes, both by file.

    Unchanged files keep their tools' names; then come changed files, then new ones, each sorted by name. A
    file that clashes keeps its former version, or is left out.
    """
    now = {name: plugin for name, plugin in sorted(wanted.items()) if shown.get(name) is plugin}
    clashes = {}
    for name, plugin in sorted(wanted.items(), key=lambda pair: (pair[0] not in shown, pair[0])):
        if name in now:
            continue
        if clash := _clash(plugin, now):
            clashes[name] = clash
        for version in (plugin, shown.get(name)):
            if version is not None and not _clash(version, now):
                now[name] = version
                break
    return dict(sorted(now.items())), clashes


def _clash(plugin: LoadedPlugin, others: Mapping[str, LoadedPlugin]) -> str:
    owners = {tool.name: name for name, other in others.items() for tool in other.tools}
    twice = [f"{tool.name} (of {owners[tool.name]})" for tool in plugin.tools if tool.name in owners]
    return f"There are tools of these names already: {', '.join(twice)}." if twice else ""
