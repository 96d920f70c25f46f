"""What became of what people wrote."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Figures:
    """What is wrong, each case in words: empty lists are what is hoped for; and what was done."""

    name: str
    messages: int = 0
    edits: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    ellipses: int = 0
    """Messages that were begun and left behind."""
    asked_again: int = 0
    """Answers that were computed more than once."""
    kills: int = 0
    redis_kills: int = 0
    freezes: int = 0
    ended: int = 0
    """Processes that ended unasked, and were started again."""
    seconds: float = 0.0
    tail: float = 0.0
    """Seconds from the last message to rest."""

    @property
    def wrong(self) -> list[str]:
        """Return everything that is wrong."""
        return self.lost + self.doubled + self.disordered + self.crossed + self.other

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.messages} messages, {self.edits} edits, {self.kills} kills "
            f"({self.redis_kills} of Redis), {self.freezes} freezes: {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {len(self.disordered)} out of order, {len(self.crossed)} "
            f"crossed, {len(self.other)} wrong otherwise; {self.ellipses} ellipses left, "
            f"{self.asked_again} computed again, {self.seconds:.0f} s, {self.tail:.0f} s of them to rest"
        )
