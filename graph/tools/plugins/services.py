"""Services for plugins: settings without secrets, file folders, the web, metrics and the log."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import ensure_config
from pydantic import SecretStr

from graph.settings.settings import Settings
from graph.tools.caller import caller
from graph.tools.isolation import on_home_loop
from memory.errors import DataFolderError
from memory.observation.figures import Metrics
from memory.text.text import digest

if TYPE_CHECKING:
    import httpx

ARTIFACT_SECONDS = 24 * 3600.0
"""Age from which a file is removed."""
HOUR = 3600.0
logger = logging.getLogger(__name__)


def artifacts_of(owner: str, data_folder: Path) -> Path:
    """Return the folder of an owner's files, named by a digest of the owner."""
    return _artifacts(data_folder) / digest(owner)


def erase_artifacts(owner: str, data_folder: Path) -> None:
    """Remove an owner's files for the chat.

    Raises:
        DataFolderError: they cannot be removed.
    """
    folder = artifacts_of(owner, data_folder)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataFolderError(f"{folder} cannot be removed ({error}); remove it yourself.") from error


def remove_old(data_folder: Path, now: float) -> None:
    """Remove all owners' files older than a day, except those that cannot be removed."""
    for path in _artifacts(data_folder).rglob("*"):
        with suppress(OSError):
            if not path.is_dir() and path.lstat().st_mtime < now - ARTIFACT_SECONDS:
                path.unlink()


class ArtifactUpkeep:
    """A thread that removes old files at its start and then every hour."""

    def __init__(self, data_folder: Path, every: float = HOUR) -> None:
        self._data_folder = data_folder
        self._every = every
        self._ended = threading.Event()
        self.is_running = False

    def begin(self) -> None:
        """Start the thread."""
        self._ended, self.is_running = threading.Event(), True
        threading.Thread(target=self._run, args=(self._ended,), name="artifacts", daemon=True).start()

    def end(self) -> None:
        """End the thread; `begin` can start it again."""
        self._ended.set()
        self.is_running = False

    def _run(self, ended: threading.Event) -> None:
        while True:
            try:
                remove_old(self._data_folder, time.time())
            except OSError as error:
                logger.warning("Old files for the chat cannot be removed: %s", error)
            if ended.wait(self._every):
                return


def _artifacts(data_folder: Path) -> Path:
    return data_folder.resolve() / "artifacts"


ReadMetrics = Callable[..., Coroutine[Any, Any, Metrics]]
"""`RedisMetrics.read`: takes the days, and `owner`."""
ReadLogs = Callable[..., Coroutine[Any, Any, Sequence[str]]]
"""Takes `limit` and `level`; returns the latest lines, oldest first."""


class SettingsView:
    """A read-only view of the settings without secrets."""

    def __init__(self, settings: Settings) -> None:
        given = {name: getattr(settings, name) for name in type(settings).model_fields}
        self.__dict__["_values"] = {
            name: value for name, value in given.items() if not isinstance(value, SecretStr)
        }

    def __getattr__(self, name: str) -> Any:
        """Return a setting that is not a secret."""
        values: Mapping[str, Any] = self.__dict__["_values"]
        if name not in values:
            raise AttributeError(f"There is no setting {name}, or it is a secret.")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be set: a plugin reads settings only.")


@dataclass(frozen=True, slots=True)
class PluginServices:
    """The argument of `build(services)`; tools may call its methods too, on any event loop."""

    settings: SettingsView
    """The settings that are not secrets, such as `settings.fetch_megabytes`."""
    read_metrics: ReadMetrics
    read_logs: ReadLogs
    plugin: str = ""
    """The plugin's name."""

    def folder(self) -> Path:
        """Return a private folder for the plugin's own files, created if missing."""
        return _private(self._data_folder() / "plugin-files" / self.plugin)

    def artifact(self, name: str, *, owner: str = "") -> Path:
        """Return the path for a new file for the chat; a tool returns the path as its artifact.

        The tool has `response_format="content_and_artifact"` and returns its text and the path, or a list
        of paths. A file is removed after a day, and when its owner's data is erased.

        Args:
            name: the end of the file's name.
            owner: the file's owner; empty: that of the running call, or the configured one outside a call, as
                in a thread that the plugin started.
        """
        folder = _private(artifacts_of(owner or self._calling_owner(), self._data_folder()))
        return folder / f"{secrets.token_hex(8)}-{Path(name).name}"

    def http(self, *, seconds: float = 15.0) -> "httpx.AsyncClient":
        """Return a client for public web addresses; close it after use.

        With the setting `fetch_private` it also connects to this machine and its network. It follows at most
        5 redirects under the same rule, and raises `AddressRefused` for other addresses.
        """
        from graph.tools.plugins.guarded_network import guarded_client  # noqa: PLC0415 - httpx is slow to import

        return guarded_client(private=self.settings.fetch_private, seconds=seconds)

    async def metrics(self, owner: str, days: int) -> Metrics:
        """Read an owner's metrics of the last `days`."""
        return await on_home_loop(lambda: self.read_metrics(days, owner=owner))

    async def logs(self, limit: int, level: str = "INFO") -> Sequence[str]:
        """Read the latest lines of the log, of all owners: only for tools with the trait `owner_only`."""
        return await on_home_loop(lambda: self.read_logs(limit=limit, level=level))

    def _calling_owner(self) -> str:
        """Return the owner of the running call, or the configured one outside a call."""
        try:
            return caller(ensure_config()).owner
        except LookupError:
            owner: str = self.settings.owner
            return owner

    def _data_folder(self) -> Path:
        folder: Path = self.settings.data_folder
        return folder.resolve()


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
