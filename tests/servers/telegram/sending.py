"""Methods that send new messages."""

import time
from typing import Any

from telegram.constants import ChatAction

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.files import StoredFile
from tests.servers.telegram.formatting import caption, message_text, source, with_entities
from tests.servers.telegram.placing import keyboard, place
from tests.servers.telegram.records import Draft
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.state import State

ACTIONS = frozenset(str(action.value) for action in ChatAction)
DEFAULT_NAMES = {"photo": "photo.jpg", "voice": "voice.ogg", "document": "document"}


def send_message(state: State, parameters: Parameters) -> dict[str, Any]:
    """Send a text."""
    if not parameters.text("text"):
        raise bad_request("message text is empty")
    formatted = source(parameters, "text")
    where = place(state, parameters)
    formatted = message_text(with_entities(formatted, parameters))
    under = keyboard(parameters)
    return state.wire(where.message(text=formatted.text, entities=formatted.entities, keyboard=under))


def send_message_draft(state: State, parameters: Parameters) -> bool:
    """Show a draft; only in private chats, and its text may be empty."""
    formatted = source(parameters, "text")
    chat = state.writable_chat(parameters)
    if not chat.private:
        raise bad_request("PEER_ID_INVALID")
    draft_id = parameters.integer("draft_id")
    if draft_id == 0:
        raise bad_request("draft_id must be non-zero")
    topic = parameters.integer("message_thread_id") or None
    chat.check_topic(topic)
    formatted = with_entities(formatted, parameters)
    if formatted.text:
        message_text(formatted)
    draft = Draft(
        chat.id, draft_id, formatted.text, formatted.entities, topic, chat.ids.latest, time.monotonic()
    )
    chat.drafts.append(draft)
    return True


def send_photo(state: State, parameters: Parameters) -> dict[str, Any]:
    """Send a photo."""
    return _send_file(state, parameters, "photo")


def send_document(state: State, parameters: Parameters) -> dict[str, Any]:
    """Send a document."""
    return _send_file(state, parameters, "document")


def _send_file(state: State, parameters: Parameters, kind: str) -> dict[str, Any]:
    formatted = source(parameters, "caption")
    where = place(state, parameters)
    formatted = caption(with_entities(formatted, parameters, "caption_entities"))
    file, mime_type = uploaded(state, parameters, parameters.text(kind), kind)
    message = where.message(
        text=formatted.text,
        entities=formatted.entities,
        keyboard=keyboard(parameters),
        kind=kind,
        attachment=attachment(kind, file, mime_type),
        content=file.content,
        file_name=file.name,
    )
    return state.wire(message)


def send_chat_action(state: State, parameters: Parameters) -> bool:
    """Show a chat action, such as typing."""
    chat = state.writable_chat(parameters)
    if parameters.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    topic = parameters.integer("message_thread_id") or None
    if topic is not None and topic not in chat.topics | {1}:
        raise bad_request("message thread not found")
    return True


def uploaded(state: State, parameters: Parameters, given: str, kind: str) -> tuple[StoredFile, str]:
    """Return the file and its type that a call uploads or names, or refuse the call."""
    upload = parameters.files.get(given.removeprefix("attach://") if given else kind)
    if upload is None:
        known = state.files.get(given)
        if known is None:
            raise bad_request(
                "wrong file identifier/HTTP URL specified" if given else f"there is no {kind} in the request"
            )
        return known, "application/octet-stream"
    if not upload.content:
        raise bad_request("file must be non-empty")
    name = upload.name or DEFAULT_NAMES[kind]
    return state.files.add(upload.content, kind=kind, name=name), upload.mime_type


def attachment(kind: str, file: StoredFile, mime_type: str, duration: int = 0) -> Any:
    """Return a message's file in the Bot API's form; a photo has two sizes."""
    named = {"file_name": file.name, "mime_type": mime_type}
    timed = {"duration": duration or 1, "mime_type": mime_type}
    sized = {"width": 512, "height": 512}
    if kind == "photo":
        return [file.ids | {"width": 90, "height": 90}, file.ids | {"width": 1280, "height": 1280}]
    more: dict[str, dict[str, Any]] = {
        "voice": timed,
        "audio": timed | {"file_name": file.name},
        "video": timed | sized,
        "animation": timed | sized,
        "video_note": {"duration": duration or 1, "length": 240},
        "sticker": sized | {"type": "regular", "is_animated": False, "is_video": False, "emoji": "🐐"},
    }
    return file.ids | more.get(kind, named)


METHODS = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "sendMessageDraft": send_message_draft,
    "sendChatAction": send_chat_action,
}
