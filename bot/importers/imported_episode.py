"""An episode from a file, with what its file knows of its identity."""

from dataclasses import dataclass

from memory.models import Episode


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedEpisode(Episode):
    """An episode of a file."""

    given_id: str = ""
    """The id in the exporting archive, and in imports by earlier versions."""
    attributed: bool = False
    """Its file says who said what: the owner's words are the owner's."""
    revisable: bool = False
    """A later file may have more of it, or an edited text: the latest replaces what was imported before."""
