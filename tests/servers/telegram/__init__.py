"""A Bot API server on a loopback port that imitates Telegram, with scripted people and faults.

By hand: `python -m tests.servers.telegram --port 8081` prints its address and the token of its bot.
"""

from tests.servers.telegram.acting import Said
from tests.servers.telegram.client import RemoteBotApi
from tests.servers.telegram.people import NotThere
from tests.servers.telegram.records import Button, Call, CallbackAnswer, Draft, Message
from tests.servers.telegram.server import BotApi, running_bot_api
from tests.servers.telegram.surface import Surface

__all__ = [
    "BotApi",
    "Button",
    "Call",
    "CallbackAnswer",
    "Draft",
    "Message",
    "NotThere",
    "RemoteBotApi",
    "Said",
    "Surface",
    "running_bot_api",
]
