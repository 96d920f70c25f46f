"""The server's records, for tests to read."""

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
    """A message of a chat; with a file, the text is the caption."""

    chat_id: int
    message_id: int
    from_bot: bool
    user_id: int
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    """Its former texts, oldest first."""
    edit_date: int | None = None
    deleted: bool = False
    topic: int | None = None
    reply_to: int | None = None
    quote: str | None = None
    keyboard: list[list[dict[str, Any]]] = field(default_factory=list)
    kind: str = "text"
    attachment: Any = None
    """The photo, document, voice, location and so on, in the Bot API's form."""
    content: bytes = b""
    file_name: str = ""
    user_reactions: dict[int, str] = field(default_factory=dict)
    """Reactions by user id."""
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
        """Replace the text, and keep the former one."""
        self.edits = [*self.edits, self.text][-MAX_EDITS:]
        self.text, self.entities, self.edit_date = text, entities, now


@dataclass(frozen=True, slots=True)
class Draft:
    """One frame of a draft."""

    chat_id: int
    draft_id: int
    text: str
    entities: list[Entity]
    topic: int | None
    after: int
    """The newest message of the chat at that time."""
    at: float
    """`time.monotonic()`, which is the same in all processes of a machine."""


@dataclass(frozen=True, slots=True)
class Call:
    """One completed call of a method."""

    at: float
    """`time.monotonic()` when it arrived."""
    method: str
    parameters: dict[str, Any]
    status: int
    """Status of the answer; 0 where the connection was dropped before the effect."""
    description: str = ""
    lost: bool = False
    """It had its effect, but the answer was dropped."""
    seconds: float = 0.0
    """Its duration."""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """The bot's answer to a callback query."""

    query_id: str
    text: str
    show_alert: bool
    url: str
    data: str
    user_id: int
    chat_id: int
    message_id: int
