"""What the server remembers and tests look at."""

from dataclasses import dataclass, field
from typing import Any

from tests.servers.telegram.entities import Entity

MAX_EDITS = 200


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message."""

    text: str
    data: str | None
    url: str | None
    row: int


@dataclass(slots=True)
class Message:
    """A message of a chat; of one with a file, the text is the caption."""

    chat_id: int
    message_id: int
    from_bot: bool
    user_id: int
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    """What it said before, oldest first."""
    edit_date: int | None = None
    deleted: bool = False
    topic: int | None = None
    reply_to: int | None = None
    quote: str | None = None
    keyboard: list[list[dict[str, Any]]] = field(default_factory=list)
    kind: str = "text"
    attachment: Any = None
    """The photo, document, voice, location and so on, as the Bot API shows it."""
    content: bytes = b""
    file_name: str = ""
    user_reactions: dict[int, str] = field(default_factory=dict)
    """The emoji of each user, by id."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def buttons(self) -> list[Button]:
        """The inline buttons, row by row."""
        return [
            Button(button.get("text", ""), button.get("callback_data"), button.get("url"), row)
            for row, buttons in enumerate(self.keyboard)
            for button in buttons
        ]

    def rewrite(self, text: str, entities: list[Entity], now: int) -> None:
        """Replace what it says, and keep what it said."""
        self.edits = [*self.edits, self.text][-MAX_EDITS:]
        self.text, self.entities, self.edit_date = text, entities, now


@dataclass(frozen=True, slots=True)
class Draft:
    """One frame of a message that is being written."""

    chat_id: int
    draft_id: int
    text: str
    entities: list[Entity]
    topic: int | None
    after: int
    """The newest message of the chat at that time."""
    at: float
    """`time.monotonic()`, which all processes of a machine share."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method, as it ended."""

    at: float
    """`time.monotonic()` when it came in."""
    method: str
    parameters: dict[str, Any]
    status: int
    """Of the answer; 0 where the connection was dropped before anything was done."""
    description: str = ""
    lost: bool = False
    """It was done, but the answer was dropped."""
    seconds: float = 0.0
    """How long it took."""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What the bot said to a press of a button."""

    query_id: str
    text: str
    show_alert: bool
    url: str
    data: str
    user_id: int
    chat_id: int
    message_id: int
