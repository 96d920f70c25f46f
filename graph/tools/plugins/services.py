"""What a plugin is given: settings without secrets, places for files, the web, figures and the log."""

import secrets
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.runnables.config import ensure_config
from pydantic import SecretStr

from graph.settings.settings import Settings
from graph.tools.caller import caller
from graph.tools.isolation import at_home
from graph.tools.plugins.artifacts import artifacts_of
from memory.observation.figures import Metrics

if TYPE_CHECKING:
    import httpx


class ReadMetrics(Protocol):
    """Reads figures, as `RedisMetrics.read` does."""

    def __call__(self, days: int, *, owner: str | None = None) -> Coroutine[Any, Any, Metrics]:
        """Return the figures of the last `days`."""
        ...


class ReadLogs(Protocol):
    """Reads the log."""

    def __call__(self, *, limit: int, level: str) -> Coroutine[Any, Any, Sequence[str]]:
        """Return the latest lines of at least a level, oldest first."""
        ...


class SettingsView:
    """The settings by name, without secrets; they cannot be changed here."""

    __slots__ = ("_values",)
    _values: Mapping[str, Any]

    def __init__(self, settings: Settings) -> None:
        given = {name: getattr(settings, name) for name in type(settings).model_fields}
        open_ = {name: value for name, value in given.items() if not isinstance(value, SecretStr)}
        object.__setattr__(self, "_values", open_)

    def __getattr__(self, name: str) -> Any:
        """Return a setting that is no secret."""
        if name not in self._values:
            raise AttributeError(f"There is no setting {name}, or it is a secret.")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be set: a plugin reads settings only.")


@dataclass(frozen=True, slots=True)
class PluginServices:
    """Given to `build(services)`; the methods may be used in the tools too, on whatever loop they run."""

    settings: SettingsView
    """The settings that are no secrets, such as `settings.fetch_megabytes`."""
    read_metrics: ReadMetrics
    read_logs: ReadLogs
    plugin: str = ""
    """Whose services these are."""

    def folder(self) -> Path:
        """Return a private folder for the plugin's own files, made if need be."""
        return _private(self._data_folder() / "plugin-files" / self.plugin)

    def artifact(self, name: str, *, owner: str = "") -> Path:
        """Return where to write a file for the chat; a tool hands the path out as its artifact.

        The tool has `response_format="content_and_artifact"` and returns its text and the path, or a list
        of paths. A file is removed after a day, and with all else that is kept of its owner.

        Args:
            name: what the file's own name ends with.
            owner: whose the file is; empty: whose call runs, or the configured owner's where none does, as
                in a thread that the plugin started.
        """
        folder = _private(artifacts_of(owner or self._calling(), self._data_folder()))
        return folder / f"{secrets.token_hex(8)}-{Path(name).name}"

    def http(self, *, seconds: float = 15.0) -> "httpx.AsyncClient":
        """Return a client for the web, to be closed after use; it connects to public addresses alone.

        With the setting `fetch_private` also to this machine and its network. At most 5 redirects are
        followed, each under the same rule; `AddressRefused` is raised where it forbids one.
        """
        from graph.tools.plugins.guarded_network import guarded_client  # noqa: PLC0415 - httpx is slow to import

        return guarded_client(private=self.settings.fetch_private, seconds=seconds)

    async def metrics(self, owner: str, days: int) -> Metrics:
        """Read an owner's figures of the last `days`."""
        return await at_home(lambda: self.read_metrics(days, owner=owner))

    async def logs(self, limit: int, level: str = "INFO") -> Sequence[str]:
        """Read the latest lines of the log, of all owners: for tools with the trait `owner_only` alone."""
        return await at_home(lambda: self.read_logs(limit=limit, level=level))

    def _calling(self) -> str:
        """Return on whose behalf the tool runs that this is called in."""
        try:
            return caller(ensure_config()).owner
        except LookupError:
            owner: str = self.settings.owner
            return owner

    def _data_folder(self) -> Path:
        folder: Path = self.settings.data_folder
        return folder.expanduser().resolve()


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
