"""Write-back of tuned values to `goat.toml` if held-out turns prove them better, and its rollback."""

from dataclasses import dataclass
from typing import Any

from graph.settings.settings_files import ENCODING
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE
from graph.tuning.attempts import Attempt, AttemptLog
from graph.tuning.config_backup import ConfigBackup
from graph.tuning.toml_edit import edit_toml
from graph.tuning.write_checks import check_gain, in_force, objections
from memory.errors import GoatError
from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import Tuned, TuningResult


class NotWritten(GoatError):
    """The file may not be replaced; lists every reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A tuning result compared with the current configuration."""

    result: TuningResult
    changes: tuple[tuple[str, Any, Any], ...]
    """Each threshold that changes, with the values before and after."""
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
    number = AttemptLog.read(ConfigBackup.here().folder).number(attempt) if attempt else 1
    found, unproven = check_gain(result, number)
    against = objections(result, settings)
    return Proposal(
        result=result,
        changes=tuple((name, current.get(name), value) for name, value in result.changes.items()),
        gain=found,
        number=number,
        attempt=None if against or found is None else attempt,
        refusals=(*against, *([unproven] if unproven else [])),
    )


def apply(result: TuningResult) -> None:
    """Write a result to `goat.toml`; running programs use it from their next turn on.

    If only the gain decides, the attempt is recorded first, whether the result is written or not.

    Raises:
        NotWritten: the result is refused; nothing was written.
        ConfigError: the file or the recorded attempts cannot be read or written.
    """
    file, proposal = ConfigBackup.here(), propose(result)
    if proposal.attempt is None:
        proposal.require_gain()
    with file.lock():
        proposal = propose(result)
        if proposal.attempt:
            AttemptLog.read(file.folder).add(proposal.attempt, file.folder)
        tuned = Tuned.of(result, proposal.require_gain())
        new = {result.calibration_name: result.calibration} if result.calibration else {}
        file.replace(edit_toml((file.read() or b"").decode(ENCODING), tuned, new=new).encode())


def rollback(*, even_if_edited: bool = False) -> bool:
    """Exchange the file and its backup, byte for byte; return whether there is a file then.

    Raises:
        NotWritten: the file was edited by hand since, and `even_if_edited` is False.
        ConfigError: there is no backup, or a file cannot be read or written.
    """
    file = ConfigBackup.here()
    with file.lock():
        former = file.former()
        if not (even_if_edited or file.is_unchanged()):
            raise NotWritten(
                f"{CONFIG_FILE} was edited since the last change by `goat tune`, and a rollback would undo "
                f"that as well. Compare it with {file.folder / 'backup.toml'}. Write --yes to roll back; "
                "the edited file becomes the backup."
            )
        file.replace(former)
    return former is not None
