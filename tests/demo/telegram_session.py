"""A person at the terminal: the current chat, and the command of each line."""

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.demo.telegram_view import numbered_buttons
from tests.servers.telegram import Draft, Message, NotThere, RemoteBotApi

SHOWN = 200
KINDS = {"image": "photo", "audio": "audio", "video": "video"}
HELP = """\
A line is sent as it is; a line that starts with a colon is a command:
:press N       press button N
:edit TEXT     edit your last message
:react EMOJI   react to the bot's last message (nothing takes it back)
:file PATH     send a file (.ogg as a voice message, pictures as photos)
:reply ID TEXT reply to a message
:as USER_ID    be another user
:chat CHAT_ID  go to another chat (a negative id is a group)
:topic N       write to a topic (0: none)
:block :unblock  block the bot, or let it in again
:help :quit"""


class Quit(Exception):
    """The person wants to leave."""


@dataclass(slots=True)
class Session:
    """The person's current chat."""

    api: RemoteBotApi
    chat_id: int = 1
    user_id: int | None = None
    topic: int | None = None

    @property
    def messages(self) -> list[Message]:
        """The latest messages of the chat."""
        return self.api.messages(self.chat_id, last=SHOWN)

    def draft(self, messages: list[Message]) -> Draft | None:
        """Return the bot's draft, until it is sent."""
        drafts = self.api.drafts(self.chat_id, last=1)
        sent = [message.message_id for message in messages if message.from_bot]
        return drafts[-1] if drafts and drafts[-1].after >= max(sent, default=0) else None

    @property
    def prompt(self) -> str:
        """The current chat and user."""
        topic = f" topic {self.topic}" if self.topic else ""
        return f"chat {self.chat_id}{topic} as {self.user_id or abs(self.chat_id)}> "

    def take(self, line: str) -> str:
        """Run a line's command, and return the answer to print."""
        if not line.strip():
            return ""
        if not line.startswith(":"):
            self.api.says(self.chat_id, line, user_id=self.user_id, topic=self.topic)
            return ""
        name, _, rest = line[1:].strip().partition(" ")
        command = self._commands().get(name)
        if command is None:
            return f"There is no command :{name}; :help lists them."
        try:
            return command(rest.strip()) or ""
        except (NotThere, ValueError, OSError) as error:
            return str(error)

    def _commands(self) -> dict[str, Callable[[str], str | None]]:
        return {
            "press": self._press,
            "edit": self._edit,
            "react": self._react,
            "file": self._file,
            "reply": self._reply,
            "as": self._become,
            "chat": self._go,
            "topic": self._write_to,
            "block": lambda _: self._block(blocked=True),
            "unblock": lambda _: self._block(blocked=False),
            "help": lambda _: HELP,
            "quit": self._quit,
        }

    def _press(self, number: str) -> None:
        buttons = numbered_buttons(self.messages)
        if int(number) not in buttons:
            raise NotThere(f"There is no button {number}.")
        message, button = buttons[int(number)]
        if button.data is None:
            raise NotThere(f"Button {number} opens {button.url or 'something'}; the bot is not told.")
        self.api.presses(self.chat_id, message.message_id, button.data, self.user_id)

    def _edit(self, text: str) -> None:
        own = self._last(from_bot=False)
        self.api.edits(self.chat_id, own.message_id, text)

    def _react(self, emoji: str) -> str:
        update = self.api.reacts(self.chat_id, self._last(from_bot=True).message_id, emoji, self.user_id)
        return "" if update else "The bot has not asked for message_reaction updates: it is not told."

    def _file(self, path: str) -> None:
        file = Path(path).expanduser()
        mime_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        kind = (
            "voice" if file.suffix in {".ogg", ".oga"} else KINDS.get(mime_type.partition("/")[0], "document")
        )
        self.api.sends_file(
            self.chat_id,
            kind,
            file.read_bytes(),
            file_name=file.name,
            mime_type=mime_type,
            user_id=self.user_id,
            topic=self.topic,
        )

    def _reply(self, rest: str) -> None:
        number, _, text = rest.partition(" ")
        self.api.says(self.chat_id, text, user_id=self.user_id, topic=self.topic, reply_to=int(number))

    def _become(self, user_id: str) -> None:
        self.user_id = int(user_id)

    def _go(self, chat_id: str) -> None:
        self.chat_id, self.topic = int(chat_id), None

    def _write_to(self, topic: str) -> None:
        self.topic = int(topic or "0") or None

    def _block(self, *, blocked: bool) -> None:
        self.api.blocks(self.chat_id, blocked=blocked)

    def _quit(self, _: str) -> None:
        raise Quit

    def _last(self, *, from_bot: bool) -> Message:
        for message in reversed(self.messages):
            mine = self.user_id is None or message.user_id == self.user_id
            if message.from_bot == from_bot and not message.deleted and (from_bot or mine):
                return message
        raise NotThere("There is no such message yet.")
