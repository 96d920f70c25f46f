"""Results of a trial."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Figures:
    """Errors, each described in words, which should be none; and counts."""

    name: str
    messages: int = 0
    edits: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Messages that are no whole answer, or bear the mark of a search."""
    unforgotten: list[str] = field(default_factory=list)
    asked_again: int = 0
    """Answers that were computed more than once."""
    kills: int = 0
    server_kills: int = 0
    freezes: int = 0
    outages: int = 0
    forgets: int = 0
    ended: int = 0
    """Processes that ended by themselves, and were restarted."""
    seconds: float = 0.0
    tail: float = 0.0
    """Seconds from the last message until the bot is idle."""

    @property
    def wrong(self) -> list[str]:
        """Return all errors."""
        return (
            self.lost
            + self.unforgotten
            + self.doubled
            + self.disordered
            + self.crossed
            + self.left
            + self.other
        )

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.messages} messages, {self.edits} edits, {self.kills} kills "
            f"({self.server_kills} of servers), {self.freezes} freezes, {self.outages} outages, "
            f"{self.forgets} forgotten: "
            f"{len(self.lost)} lost, {len(self.unforgotten)} not forgotten, "
            f"{len(self.doubled)} doubled, {len(self.disordered)} out of order, {len(self.crossed)} "
            f"crossed, {len(self.left)} left behind, {len(self.other)} wrong otherwise; "
            f"{self.asked_again} computed again, {self.seconds:.0f} s, {self.tail:.0f} s of them to rest"
        )
