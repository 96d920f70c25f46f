"""The place of a new message: chat, topic, replied message and keyboard."""

from dataclasses import dataclass
from typing import Any

from tests.servers.telegram.body import Parameters, whole
from tests.servers.telegram.chats import Chat
from tests.servers.telegram.records import Message
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.state import BOT_ID, State, now

ACTIONS = frozenset(
    {
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    }
)
MAX_DATA = 64
Keyboard = list[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Place:
    """A writable chat, with the topic and the replied message."""

    chat: Chat
    topic: int | None
    reply_to: int | None
    quote: str | None

    def message(self, **content: Any) -> Message:
        """Create and store the bot's next message there."""
        message = Message(
            chat_id=self.chat.id,
            message_id=self.chat.next_message_id(),
            from_bot=True,
            user_id=BOT_ID,
            date=now(),
            topic=self.topic,
            reply_to=self.reply_to,
            quote=self.quote,
            **content,
        )
        self.chat.add(message)
        return message


def place(state: State, parameters: Parameters) -> Place:
    """Return the place of a message, or refuse the call."""
    chat = state.writable_chat(parameters)
    topic = parameters.integer("message_thread_id") or None
    chat.check_topic(topic)
    reply_to, quote = _reply(chat, parameters)
    return Place(chat, topic, reply_to, quote)


def _reply(chat: Chat, parameters: Parameters) -> tuple[int | None, str | None]:
    given = parameters.json("reply_parameters")
    if not given:
        given = {"message_id": parameters.integer("reply_to_message_id")}
    if not isinstance(given, dict):
        raise bad_request("can't parse reply parameters JSON object")
    number = given.get("message_id")
    if not number:
        return None, None
    original = chat.message(whole(number, "message_id"))
    if original is None:
        if given.get("allow_sending_without_reply") or parameters.flag("allow_sending_without_reply"):
            return None, None
        raise bad_request("message to be replied not found")
    quote = given.get("quote")
    if quote and str(quote) not in original.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    return original.message_id, quote


def keyboard(parameters: Parameters) -> Keyboard:
    """Return the inline keyboard of a call, empty by default, or refuse it."""
    markup = parameters.json("reply_markup")
    if markup is None or markup == "":
        return []
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for row in rows:
        for button in row:
            _check_button(button)
    return [row for row in rows if row]


def _check_button(button: Any) -> None:
    wrong = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(f"{wrong}InlineKeyboardButton must be an Object")
    if not button.get("text"):
        raise bad_request(f'{wrong}Can\'t find field "text"')
    if not ACTIONS & button.keys():
        raise bad_request(f"{wrong}Text buttons are unallowed in the inline keyboard")
    if len(str(button.get("callback_data", "x")).encode()) not in range(1, MAX_DATA + 1):
        raise bad_request("BUTTON_DATA_INVALID")
