"""editMessageMedia: replaces a message's content by a file, also of a text message."""

from typing import Any

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.editing import to_edit
from tests.servers.telegram.entities import Formatted, checked, trimmed
from tests.servers.telegram.formatting import caption
from tests.servers.telegram.placing import keyboard
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.sending import attachment, uploaded
from tests.servers.telegram.state import State, now

KINDS = frozenset({"photo", "document", "video", "audio", "animation"})


def edit_message_media(state: State, parameters: Parameters) -> dict[str, Any]:
    """Replace the content of one of the bot's messages by a file."""
    media = parameters.json("media")
    if not isinstance(media, dict) or media.get("type") not in KINDS:
        raise bad_request("can't parse InputMedia: media not found")
    message, kind = to_edit(state.writable_chat(parameters), parameters), str(media["type"])
    said = Formatted(str(media.get("caption") or ""))
    said = trimmed(Formatted(said.text, checked(said.text, media.get("caption_entities") or [])))
    said = caption(said)
    file, mime_type = uploaded(state, parameters, str(media.get("media", "")), kind)
    message.rewrite(said.text, said.entities, now())
    message.kind, message.attachment = kind, attachment(kind, file, mime_type)
    message.content, message.file_name = file.content, file.name
    message.keyboard = keyboard(parameters)
    return state.wire(message)


METHODS = {"editMessageMedia": edit_message_media}
