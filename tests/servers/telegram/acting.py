"""Actions of people in tests."""

from base64 import b64encode
from typing import Any, NamedTuple

from tests.servers.telegram.entities import Entity
from tests.servers.telegram.runner import Runner

FILE_NAMES = {
    "photo": ("photo.jpg", "image/jpeg"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "video": ("video.mp4", "video/mp4"),
    "sticker": ("sticker.webp", "image/webp"),
}


class Said(NamedTuple):
    """The ids of a person's message; no update where the bot does not want it."""

    update_id: int | None
    message_id: int


class Acting(Runner):
    """Actions of people."""

    def opens_chat(self, chat_id: int, **person: Any) -> int:
        """Create a chat without a message; see `says`. Returns the id of the user."""
        return int(self.run("opens_chat", chat_id=chat_id, **person))

    def says(
        self,
        chat_id: int,
        text: str,
        *,
        user_id: int | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
        quote: str | None = None,
        chat_type: str | None = None,
        language: str | None = None,
        name: str | None = None,
        entities: list[Entity] | None = None,
        **extra: Any,
    ) -> Said:
        """Send a person's text, by default in English; `extra` is added to the message as it is."""
        sent = self.run(
            "sends",
            chat_id=chat_id,
            kind="text",
            value=None,
            caption=text,
            user_id=user_id,
            topic=topic,
            reply_to=reply_to,
            quote=quote,
            chat_type=chat_type,
            language=language,
            name=name,
            entities=entities,
            extra=extra,
        )
        return Said(*sent)

    def sends(self, chat_id: int, kind: str, value: Any, **options: Any) -> Said:
        """Send a location, a contact, a poll or a service message; `value` in the Bot API's form."""
        return Said(*self.run("sends", chat_id=chat_id, kind=kind, value=value, **options))

    def sends_file(
        self,
        chat_id: int,
        kind: str = "document",
        content: bytes = b"content",
        *,
        file_name: str | None = None,
        mime_type: str | None = None,
        caption: str = "",
        **options: Any,
    ) -> Said:
        """Send a person's file; options are `duration`, `size` and those of `says`."""
        name, mime = FILE_NAMES.get(kind, ("file.bin", "application/octet-stream"))
        sent = self.run(
            "sends_file",
            chat_id=chat_id,
            kind=kind,
            content=b64encode(content).decode(),
            file_name=name if file_name is None else file_name,
            mime_type=mime if mime_type is None else mime_type,
            caption=caption,
            **options,
        )
        return Said(*sent)

    def edits(self, chat_id: int, message_id: int, text: str) -> int | None:
        """Edit a person's message; returns the id of the update."""
        return self._number("edits", chat_id=chat_id, message_id=message_id, text=text)

    def presses(
        self, chat_id: int, message_id: int, button: str, user_id: int | None = None, *, forged: bool = False
    ) -> int | None:
        """Press a button by its data or label; forged data need not exist. Returns the update's id."""
        return self._number(
            "presses", chat_id=chat_id, message_id=message_id, button=button, user_id=user_id, forged=forged
        )

    def reacts(self, chat_id: int, message_id: int, emoji: str, user_id: int | None = None) -> int | None:
        """React to a message, or remove the reaction; None where the bot does not want reactions."""
        return self._number("reacts", chat_id=chat_id, message_id=message_id, emoji=emoji, user_id=user_id)

    def blocks(self, user_id: int, *, blocked: bool = True) -> int | None:
        """Block or unblock the bot; the bot gets a `my_chat_member`."""
        return self._number("blocks", user_id=user_id, blocked=blocked)

    def sets_bot_status(self, chat_id: int, status: str) -> int | None:
        """Make the bot `member`, `administrator`, `kicked` or `left` in a group."""
        return self._number("sets_bot_status", chat_id=chat_id, status=status)

    def migrates(self, chat_id: int, new_id: int) -> int | None:
        """Upgrade a group to a supergroup with another id."""
        return self._number("migrates", chat_id=chat_id, new_id=new_id)

    def forget(self) -> None:
        """Forget chats, calls and faults; webhook, menu and token stay."""
        self.run("forget")

    def raw(self, update: Any, *, numbered: bool = True) -> int:
        """Queue any update; an object without an id gets one unless told otherwise."""
        return int(self.run("raw", update=update, numbered=numbered))
