"""Names of what the bot keeps in Redis: all in one hash slot, so that scripts may use several at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one bot."""

    bot_id: int

    def __call__(self, *names: str | int) -> str:
        """Return the key of these names, such as ("turn", 17)."""
        return ":".join([f"goat:{{telegram:{self.bot_id}}}", *map(str, names)])
