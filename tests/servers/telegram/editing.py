"""Methods that change messages."""

from typing import Any

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.chats import Chat
from tests.servers.telegram.formatting import message_text, source, with_entities
from tests.servers.telegram.placing import keyboard
from tests.servers.telegram.records import CallbackAnswer, Message
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.state import State, now

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
MAX_ANSWER = 200


def edit_message_text(state: State, parameters: Parameters) -> dict[str, Any]:
    """Replace the text of one of the bot's messages, and its keyboard, which is removed if not given."""
    if not parameters.text("text"):
        raise bad_request("message text is empty")
    formatted = source(parameters, "text")
    message = to_edit(state.writable_chat(parameters), parameters)
    if message.kind != "text":
        raise bad_request("there is no text in the message to edit")
    formatted = message_text(with_entities(formatted, parameters), too_long="MESSAGE_TOO_LONG")
    under = keyboard(parameters)
    if (formatted.text, formatted.entities, under) == (message.text, message.entities, message.keyboard):
        raise bad_request(NOT_MODIFIED)
    message.rewrite(formatted.text, formatted.entities, now())
    message.keyboard = under
    return state.wire(message)


def edit_message_reply_markup(state: State, parameters: Parameters) -> dict[str, Any]:
    """Replace the keyboard under one of the bot's messages; clients do not show it as edited."""
    message, under = to_edit(state.writable_chat(parameters), parameters), keyboard(parameters)
    if under == message.keyboard:
        raise bad_request(NOT_MODIFIED)
    message.keyboard = under
    return state.wire(message)


def to_edit(chat: Chat, parameters: Parameters) -> Message:
    """Return the bot's message that a call edits, or refuse it."""
    message = chat.message(parameters.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot:
        raise bad_request("message can't be edited")
    return message


def delete_message(state: State, parameters: Parameters) -> bool:
    """Delete a message."""
    chat = state.writable_chat(parameters)
    message = chat.message(parameters.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    if not _deletable(chat, message):
        raise bad_request("message can't be deleted")
    message.deleted = True
    return True


def _deletable(chat: Chat, message: Message) -> bool:
    return message.from_bot or chat.private or chat.bot_status == "administrator"


def answer_callback_query(state: State, parameters: Parameters) -> bool:
    """Answer a callback query, once."""
    query = state.queries.get(parameters.text("callback_query_id"))
    if query is None:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(parameters.text("text")) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = CallbackAnswer(
        query_id=query["id"],
        text=parameters.text("text"),
        show_alert=parameters.flag("show_alert"),
        url=parameters.text("url"),
        data=query["data"],
        user_id=query["from"]["id"],
        chat_id=query["message"]["chat"]["id"],
        message_id=query["message"]["message_id"],
    )
    del state.queries[query["id"]]
    state.callback_answers.append(answer)
    return True


METHODS = {
    "editMessageText": edit_message_text,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "answerCallbackQuery": answer_callback_query,
}
