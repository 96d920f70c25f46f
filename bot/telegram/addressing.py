"""Whether a message means the bot, and which command it gives."""

from telegram import Message, MessageEntity, Update, User

_ENTITIES: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]


def is_from_person(update: Update) -> bool:
    """Say whether a person sent it in their own name, and it is of a kind that the bot deals with.

    Bots, channels, anonymous administrators and customers of a business account are no such persons.
    """
    user, message = update.effective_user, update.message or update.edited_message
    if user is None or user.is_bot:
        return False
    if message is not None:
        elsewhere = message.chat.type == message.chat.PRIVATE and message.chat.id != user.id
        return not (elsewhere or message.sender_chat or message.business_connection_id)
    if update.callback_query is not None:
        pressed = update.callback_query.message
        return not (isinstance(pressed, Message) and pressed.business_connection_id)
    return update.message_reaction is not None


def command(message: Message, me: User) -> str:
    """Return the command that a message gives the bot, such as "/allow"; empty for none.

    What somebody else wrote, as in a forwarded message or one by way of another bot, commands nothing.
    """
    name, _, bot = _first_word(message).lower().partition("@")
    return "" if _is_borrowed(message) or bot not in ("", _username(me)) else name


def is_addressed(message: Message, me: User) -> bool:
    """Say whether a message in a group is for the bot: commanded, mentioned, or replied to."""
    if command(message, me):
        return True
    if _first_word(message):
        return False
    return _is_reply(message, me) or (not _is_borrowed(message) and _mentions(message, me))


def _first_word(message: Message) -> str:
    """Return the command with which a message begins, as it stands there."""
    text = message.text or ""
    return text.split(maxsplit=1)[0] if text.startswith("/") else ""


def _is_borrowed(message: Message) -> bool:
    return message.forward_origin is not None or message.via_bot is not None


def _is_reply(message: Message, me: User) -> bool:
    replied = message.reply_to_message
    return replied is not None and replied.from_user is not None and replied.from_user.id == me.id


def _mentions(message: Message, me: User) -> bool:
    found = message.parse_entities(_ENTITIES) | message.parse_caption_entities(_ENTITIES)
    name = f"@{_username(me)}"
    return any(
        text.lower() == name or (entity.user is not None and entity.user.id == me.id)
        for entity, text in found.items()
    )


def _username(me: User) -> str:
    return (me.username or "").lower()
