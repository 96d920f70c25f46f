"""Updates as the lanes store them."""

import json

from telegram import Bot, Update


class UnreadableUpdate(Exception):
    """An update cannot be parsed; retrying will not help."""


def read_update(raw: bytes, bot: Bot) -> Update:
    """Parse a stored update.

    Raises:
        UnreadableUpdate: it is not an update as Telegram sends them.
    """
    try:
        return Update.de_json(json.loads(raw), bot)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UnreadableUpdate(
            f"not an update as Telegram makes them: {type(error).__name__}: {error}"
        ) from error
