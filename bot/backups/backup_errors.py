"""Errors of backups."""

from memory.errors import GoatError


class BackupRefused(GoatError):
    """A backup cannot be made, read or restored; says what to do."""
