"""Write tuned values to `goat.toml` when held-out turns say that they are better, and take them back."""

import tomllib
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE, flatten
from graph.tuning.attempts import Tries, Try
from graph.tuning.config_versions import ConfigVersions, Version, digest_of
from graph.tuning.toml_edit import edited
from graph.tuning.write_checks import gained, in_force, reasons
from memory.errors import GoatError
from memory.tuning.held_out import Gain
from memory.tuning.tuned_record import Tuned
from memory.tuning.tuning_result import CALIBRATION, TuningResult


class NotWritten(GoatError):
    """The values are not to be written; says every reason."""


class EditedSince(GoatError):
    """The file was edited since the last `goat tune apply`; names what a rollback would undo besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A threshold that a result changes."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A tuning result held against what is in force."""

    result: TuningResult
    changes: tuple[Change, ...]
    gain: Gain | None
    """None: too few held-out turns."""
    number: int
    """Which try on these turns it is, from 1 on."""
    attempt: Try | None
    """What counts as a try; None when it is not the gain alone that decides."""
    refusals: tuple[str, ...]
    """Every reason not to write it; none: it may be written."""

    def accepted(self) -> Gain:
        """Return the gain that it is written for.

        Raises:
            NotWritten: it is not to be written.
        """
        if self.refusals or self.gain is None:
            raise NotWritten("Not to be written:\n" + "\n".join(self.refusals))
        return self.gain


def propose(result: TuningResult) -> Proposal:
    """Hold a result against the configuration of the working directory; nothing is written.

    Raises:
        ConfigError: the configuration, or the record of former tries, cannot be read.
    """
    settings = load_settings()
    now = in_force(settings)
    attempt = Try.of(result.held_out) if result.held_out else None
    number = Tries(ConfigVersions.here().folder).number(attempt) if attempt else 1
    found, unproven = gained(result, number)
    against = reasons(result, settings)
    return Proposal(
        result=result,
        changes=tuple(
            Change(name=name, before=now.get(name), after=value) for name, value in result.changes.items()
        ),
        gain=found,
        number=number,
        attempt=None if against or found is None else attempt,
        refusals=(*against, *([unproven] if unproven else [])),
    )


def apply(result: TuningResult) -> Version:
    """Write a result to `goat.toml`; running programs take it up at their next turn.

    Where the gain alone decides, the try is kept first, whether it is then written or not.

    Raises:
        NotWritten: something speaks against it, and nothing was written.
        ConfigError: the file, or the record of former tries, cannot be read or written.
    """
    file, proposal = ConfigVersions.here(), propose(result)
    if proposal.attempt is None:
        proposal.accepted()
    with file.locked():
        proposal = propose(result)
        if proposal.attempt:
            Tries(file.folder).add(proposal.attempt)
        tuned = Tuned.of(result, proposal.accepted())
        new = {result.calibration_name: result.calibration} if result.calibration else {}
        text = (file.read() or b"").decode()
        gone = _replaced(load_settings(), tuned)
        content = edited(text, tuned, new=new, gone=gone).encode()
        return file.replace(content, "apply", tuned)


def rollback(number: int | None = None, *, even_if_edited: bool = False) -> Version:
    """Put the file before the last `apply` back in place, or the version of that number, byte for byte.

    What stood there is kept as a version too.

    Raises:
        NotWritten: there is nothing to return to.
        EditedSince: the file was edited by hand since, and `even_if_edited` is not given.
        ConfigError: the file cannot be read or written.
    """
    file = ConfigVersions.here()
    with file.locked():
        now = file.read()
        target, is_edited = _target(file.versions(), digest_of(now), number)
        former = file.content(target)
        if is_edited and not even_if_edited:
            raise EditedSince(
                f"{CONFIG_FILE} was edited since the last change by `goat tune`. A rollback undoes that as "
                f"well:\n{_differences(now, former)}\n"
                "Write --yes to do so; what stands there now is kept, see `goat tune history`."
            )
        return file.replace(former, "rollback")


def _replaced(settings: Settings, tuned: Tuned) -> list[str]:
    """Name the calibration that the last `apply` wrote, when another takes its place."""
    if settings.tuned is None or CALIBRATION not in tuned.thresholds:
        return []
    former = str(settings.tuned.thresholds.get(CALIBRATION, ""))
    return [former] if former in settings.calibrations and former != tuned.thresholds[CALIBRATION] else []


def _target(versions: list[Version], now: str | None, number: int | None) -> tuple[Version, bool]:
    """Return what to go back to, and whether the file was edited since it was last replaced."""
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
            f"{CONFIG_FILE} stands as it did before the last `goat tune apply`. To go further back, name a "
            "version of `goat tune history`: `goat tune rollback NUMBER`."
        )
    return applied[0], True


def _differences(now: bytes | None, then: bytes | None) -> str:
    """Say how each setting would change; secrets are not shown."""
    try:
        before, after = (dict(flatten(tomllib.loads((one or b"").decode()))) for one in (now, then))
    except ValueError:
        return "  (the file as it stands cannot be read)"
    lines = [
        f"  {name}: {_shown(name, before)} becomes {_shown(name, after)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return "\n".join(lines) or "  (comments and blank lines alone)"


def _shown(name: str, values: dict[str, Any]) -> str:
    if name not in values:
        return "not set"
    field = Settings.model_fields.get(name)
    if field is None or field.annotation is SecretStr:
        return "(hidden)"
    return "a table" if isinstance(values[name], dict) else repr(values[name])
