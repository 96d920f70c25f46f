"""What a front end hears of a turn while it runs."""

from dataclasses import dataclass

from graph.state import State


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more of the reply's text, as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A node is done, and what it did is in a checkpoint."""

    node: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A turn that an earlier stop cut off is finished now, before the one that was asked for."""

    state: State


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is archived."""

    state: State


Event = Piece | Step | Resumed | Finished
