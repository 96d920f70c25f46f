"""The plugins of the agent: those that come with it and those of the user's folder, as they are now."""

import asyncio
import logging
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
from graph.tools.plugins.artifacts import ArtifactUpkeep, erase_artifacts
from graph.tools.plugins.plugin_files import (
    PluginFile,
    PluginProblem,
    plugin_files,
    read_plugin,
    trusted_owners,
)
from graph.tools.plugins.plugin_loader import LOAD_SECONDS, LoadedPlugin, load_plugin, withhold_secrets
from graph.tools.plugins.services import PluginServices
from memory.concurrency.background import DaemonPool

SHIPPED = Path(__file__).parents[2] / "plugins"
PATIENCE_SECONDS = 2.0
"""How long a turn waits for plugins that are being loaded before it goes on with those there are."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A file as it was last read: the version that worked last, and what is wrong with the one there is."""

    file: PluginFile
    good: LoadedPlugin | None
    problem: str = ""


class PluginRegistry:
    """Look at the files whenever the tools are asked for, and load what has changed.

    All of it happens on a thread of its own, one look at a time. What is shown is replaced as a whole, so a
    turn sees a file's old tools or its new ones.
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
        self._data_folder = settings.data_folder.expanduser()
        self._folder = (settings.plugins_folder or settings.data_folder / "plugins").expanduser()
        self._services = services
        self._shipped = shipped
        self._load_seconds = load_seconds
        self._patience = patience
        self._upkeep = ArtifactUpkeep(self._data_folder)
        self._lock = threading.Lock()
        self._thread = DaemonPool(1, "goat-plugins")
        self._looking: Future[None] | None = None
        self._read: dict[str, _Read] = {}
        self._loaded: dict[str, LoadedPlugin] = {}
        self._shown: Mapping[str, LoadedPlugin] = {}
        self._problems: Mapping[str, str] = {}

    async def tools(self) -> Sequence[BaseTool]:
        """Return the tools of the files as they are now; of a broken file, those it had when it last worked.

        Where loading takes long, the tools are those there are so far.
        """
        self._upkeep.begin()
        await self._looked(self._patience)
        return [tool for plugin in self._shown.values() for tool in plugin.tools]

    async def problems(self) -> Mapping[str, str]:
        """Return what is wrong, by file; waits until all are loaded."""
        await self._looked(None)
        return self._problems

    async def report(self) -> str:
        """Say in a line which plugins there are; waits until all are loaded."""
        await self._looked(None)
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
        """End what runs the tools, and let go of the plugins; they are loaded anew when asked for."""
        if self._looking is not None and not self._looking.done():
            await self._looked(self._patience)
        self._thread.shutdown()
        self._thread = DaemonPool(1, "goat-plugins")
        self._read, self._shown = {}, {}
        self._keep()
        self._upkeep.end()
        await self.isolation.aclose()

    async def _looked(self, seconds: float | None) -> None:
        looking = asyncio.wrap_future(self._look())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await looking

    def _look(self) -> "Future[None]":
        """Begin to look at the files, or join who does."""
        with self._lock:
            if self._looking is None or self._looking.done():
                self._looking = self._thread.submit(self._refresh)
            return self._looking

    def _refresh(self) -> None:
        files, problems = self._files()
        owners = trusted_owners(self._data_folder)
        for name in set(self._read) - set(files):
            del self._read[name]
        for name, file in files.items():
            known = self._read.get(name)
            if known is None or known.file != file:
                self._read[name] = self._load(file, owners, known.good if known else None)
                self._settle()
        broken = {name: read.problem for name, read in self._read.items() if read.problem}
        self._tell({**problems, **self._settle(), **broken})

    def _files(self) -> tuple[dict[str, PluginFile], dict[str, str]]:
        """List the files by name; a file of the user's stands before a shipped one of its name."""
        files: dict[str, PluginFile] = {}
        problems: dict[str, str] = {}
        for folder, shipped in ((self._shipped, True), (self._folder, False)):
            try:
                files |= {file.name: file for file in plugin_files(folder, shipped=shipped)}
            except PluginProblem as problem:
                problems[str(folder)] = str(problem)
        return files, problems

    def _load(self, file: PluginFile, owners: set[int], last: LoadedPlugin | None) -> _Read:
        if not file.shipped:
            withhold_secrets(self._secrets)
        services = replace(self._services, plugin=file.path.stem)
        try:
            good = load_plugin(file.path, read_plugin(file, owners), services, self._load_seconds)
        except PluginProblem as problem:
            kept = ". Its last version that worked is used." if last else "."
            return _Read(file=file, good=last, problem=str(problem).rstrip(".") + kept)
        return _Read(file=file, good=good)

    def _settle(self) -> Mapping[str, str]:
        """Show what was read; return the clashes."""
        wanted = {name: read.good for name, read in self._read.items() if read.good is not None}
        shown, clashes = settled(self._shown, wanted)
        self._shown = shown
        self._keep(*shown.values(), *wanted.values())
        return clashes

    def _keep(self, *used: LoadedPlugin) -> None:
        """Let go of every other version."""
        kept = {plugin.module: plugin for plugin in used}
        for module in set(self._loaded) - set(kept):
            self._loaded[module].let_go()
        self._loaded = kept

    def _tell(self, problems: Mapping[str, str]) -> None:
        for name, problem in problems.items():
            if self._problems.get(name) != problem:
                logger.warning("The plugin %s has a problem: %s", name, problem)
        self._problems = problems


def settled(
    shown: Mapping[str, LoadedPlugin], wanted: Mapping[str, LoadedPlugin]
) -> tuple[dict[str, LoadedPlugin], dict[str, str]]:
    """Return what is shown from now on by file, and the clashes by file.

    A file that is shown as it is keeps its names; then come changed ones, then new ones, each by name. A
    file that clashes goes on as it was shown, or is not shown.
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
