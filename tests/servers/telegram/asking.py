"""Methods that ask: for updates, about the bot, its chats, its files and its commands."""

import json
import re
from typing import Any

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.chats import member
from tests.servers.telegram.refusals import Refused, bad_request
from tests.servers.telegram.state import BOT_ID, Command, State

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
MAX_COMMANDS = 100
MAX_DESCRIPTION = 256


def get_me(state: State, _: Parameters) -> dict[str, Any]:
    """Return the bot."""
    return state.bot


async def get_updates(state: State, parameters: Parameters) -> list[Any]:
    """Return what the bot has not acknowledged."""
    return await state.updates.poll(parameters)


def get_file(state: State, parameters: Parameters) -> dict[str, Any]:
    """Return where a file can be downloaded."""
    return state.files.described(parameters.text("file_id"))


def download(state: State, parameters: Parameters) -> bool:
    """Say whether there is a file at a path; not a method of the Bot API, but called like one."""
    if state.files.at(parameters.text("file_path")) is None:
        raise Refused(404, "Not Found")
    return True


def get_chat(state: State, parameters: Parameters) -> dict[str, Any]:
    """Return a chat in full."""
    chat = state.chat(parameters)
    unlimited = {
        "unlimited_gifts": True,
        "limited_gifts": True,
        "unique_gifts": True,
        "premium_subscription": True,
    }
    gifts = unlimited | {"gifts_from_channels": True}
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
    return state.chat_wire(chat) | more


def get_chat_member(state: State, parameters: Parameters) -> dict[str, Any]:
    """Return a user's standing in a chat."""
    chat, user_id = state.chat(parameters), parameters.integer("user_id")
    status = chat.bot_status if user_id == BOT_ID else chat.members.get(user_id)
    if user_id != BOT_ID and user_id not in state.users:
        raise bad_request("member not found")
    return member(state.user(user_id), status or "left")


def leave_chat(state: State, parameters: Parameters) -> bool:
    """Leave a group."""
    chat = state.writable_chat(parameters)
    if chat.private:
        raise bad_request("chat member status can't be changed in private chats")
    chat.bot_status = "left"
    return True


def set_my_commands(state: State, parameters: Parameters) -> bool:
    """Set the commands of a scope and a language."""
    given = parameters.json("commands")
    if not isinstance(given, list):
        raise bad_request("can't parse commands JSON object")
    if len(given) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    state.commands[_scope(parameters)] = [_command(command) for command in given]
    return True


def _command(given: Any) -> Command:
    if not isinstance(given, dict) or not COMMAND.fullmatch(str(given.get("command", "")).removeprefix("/")):
        raise bad_request("BOT_COMMAND_INVALID")
    description = str(given.get("description", ""))
    if not 1 <= len(description) <= MAX_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": given["command"].removeprefix("/"), "description": description}


def get_my_commands(state: State, parameters: Parameters) -> list[Command]:
    """Return the commands of a scope and a language."""
    return state.commands.get(_scope(parameters), [])


def delete_my_commands(state: State, parameters: Parameters) -> bool:
    """Forget the commands of a scope and a language."""
    state.commands.pop(_scope(parameters), None)
    return True


def _scope(parameters: Parameters) -> tuple[str, str]:
    """Return `default`, `all_private_chats`, `chat:1` and so on, and the language."""
    scope = parameters.json("scope") or {"type": "default"}
    if not isinstance(scope, dict) or "type" not in scope:
        raise bad_request(f"can't parse BotCommandScope: {json.dumps(scope)}")
    ids = [str(scope[key]) for key in ("chat_id", "user_id") if key in scope]
    return ":".join([str(scope["type"]), *ids]), parameters.text("language_code")


def done(_: State, __: Parameters) -> bool:
    """Do nothing, successfully."""
    return True


METHODS = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "getFile": get_file,
    "download": download,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "leaveChat": leave_chat,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "logOut": done,
    "close": done,
}
