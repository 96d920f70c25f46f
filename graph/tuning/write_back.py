"""Write-back of tuned values to `goat.toml` if held-out turns prove them better, and its rollback."""

import tomllib
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE, flatten
from graph.tuning.attempts import Attempt, AttemptLog
from graph.tuning.config_versions import ConfigVersions, Version, digest_of
from graph.tuning.toml_edit import edit_toml
from graph.tuning.write_checks import check_gain, in_force, objections
from memory.errors import GoatError
from memory.tuning.held_out import Gain
from memory.tuning.tuned_record import Tuned
from memory.tuning.tuning_result import CALIBRATION, TuningResult


class NotWritten(GoatError):
    """The values may not be written; lists every reason."""


class EditedSince(GoatError):
    """The file was edited since the last `goat tune apply`; lists what else a rollback would undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A threshold that a result changes."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A tuning result compared with the current configuration."""

    result: TuningResult
    changes: tuple[Change, ...]
    gain: Gain | None
    """None: too few held-out turns."""
    number: int
    """Of the attempt on these turns, from 1."""
    attempt: Attempt | None
    """The attempt to record; None when objections other than the gain decide."""
    refusals: tuple[str, ...]
    """Every reason not to write it; empty: it may be written."""

    def require_gain(self) -> Gain:
        """Return the proven gain.

        Raises:
            NotWritten: there are refusals.
        """
        if self.refusals or self.gain is None:
            raise NotWritten("Not to be written:\n" + "\n".join(self.refusals))
        return self.gain


def propose(result: TuningResult) -> Proposal:
    """Compare a result with the configuration of the working directory, without writing.

    Raises:
        ConfigError: the configuration or the recorded attempts cannot be read.
    """
    settings = load_settings()
    current = in_force(settings)
    attempt = Attempt.of(result.held_out) if result.held_out else None
    number = AttemptLog(ConfigVersions.here().folder).number(attempt) if attempt else 1
    found, unproven = check_gain(result, number)
    against = objections(result, settings)
    return Proposal(
        result=result,
        changes=tuple(
            Change(name=name, before=current.get(name), after=value) for name, value in result.changes.items()
        ),
        gain=found,
        number=number,
        attempt=None if against or found is None else attempt,
        refusals=(*against, *([unproven] if unproven else [])),
    )


def apply(result: TuningResult) -> Version:
    """Write a result to `goat.toml`; running programs use it from their next turn on.

    If only the gain decides, the attempt is recorded first, whether the result is written or not.

    Raises:
        NotWritten: the result is refused; nothing was written.
        ConfigError: the file or the recorded attempts cannot be read or written.
    """
    file, proposal = ConfigVersions.here(), propose(result)
    if proposal.attempt is None:
        proposal.require_gain()
    with file.lock():
        proposal = propose(result)
        if proposal.attempt:
            AttemptLog(file.folder).add(proposal.attempt)
        tuned = Tuned.of(result, proposal.require_gain())
        new = {result.calibration_name: result.calibration} if result.calibration else {}
        text = (file.read() or b"").decode()
        gone = _replaced(load_settings(), tuned)
        content = edit_toml(text, tuned, new=new, gone=gone).encode()
        return file.replace(content, "apply", tuned)


def rollback(number: int | None = None, *, even_if_edited: bool = False) -> Version:
    """Restore the file from before the last `apply`, or the version of that number, byte for byte.

    The replaced file becomes a version too.

    Raises:
        NotWritten: there is no version to return to.
        EditedSince: the file was edited by hand since, and `even_if_edited` is False.
        ConfigError: the file cannot be read or written.
    """
    file = ConfigVersions.here()
    with file.lock():
        now = file.read()
        target, is_edited = _target(file.versions(), digest_of(now), number)
        former = file.content(target)
        if is_edited and not even_if_edited:
            raise EditedSince(
                f"{CONFIG_FILE} was edited since the last change by `goat tune`. A rollback undoes that as "
                f"well:\n{_differences(now, former)}\n"
                "Write --yes to do so; the present file is kept, see `goat tune history`."
            )
        return file.replace(former, "rollback")


def _replaced(settings: Settings, tuned: Tuned) -> list[str]:
    """Return the name of the calibration that the last `apply` wrote, if another one replaces it."""
    if settings.tuned is None or CALIBRATION not in tuned.thresholds:
        return []
    former = str(settings.tuned.thresholds.get(CALIBRATION, ""))
    return [former] if former in settings.calibrations and former != tuned.thresholds[CALIBRATION] else []


def _target(versions: list[Version], now: str | None, number: int | None) -> tuple[Version, bool]:
    """Return the version to restore, and whether the file was edited since it was last replaced."""
    if number is not None:
        for version in versions:
            if version.number == number:
                return version, now not in {one.after for one in versions}
        raise NotWritten(f"There is no version {number}. `goat tune history` lists those that are kept.")
    applied = [version for version in versions if version.action == "apply"]
    if not applied:
        raise NotWritten("There is nothing to return to: `goat tune apply` has changed nothing here.")
    for version in applied:
        if version.after == now:
            return version, False
    if applied[0].before == now:
        raise NotWritten(
            f"{CONFIG_FILE} is as it was before the last `goat tune apply`. To go further back, name a "
            "version of `goat tune history`: `goat tune rollback NUMBER`."
        )
    return applied[0], True


def _differences(now: bytes | None, then: bytes | None) -> str:
    """List how each setting would change, without secrets."""
    try:
        before, after = (dict(flatten(tomllib.loads((one or b"").decode()))) for one in (now, then))
    except ValueError:
        return "  (the present file cannot be read)"
    lines = [
        f"  {name}: {_shown(name, before)} becomes {_shown(name, after)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return "\n".join(lines) or "  (only comments and blank lines)"


def _shown(name: str, values: dict[str, Any]) -> str:
    if name not in values:
        return "not set"
    field = Settings.model_fields.get(name)
    if field is None or field.annotation is SecretStr:
        return "(hidden)"
    return "a table" if isinstance(values[name], dict) else repr(values[name])
