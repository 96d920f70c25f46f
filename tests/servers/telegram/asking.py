"""Methods that read: updates, the bot, its chats, its files and its commands."""

import json
import re
from typing import Any

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.refusals import Refused, bad_request
from tests.servers.telegram.state import Command, State

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
MAX_COMMANDS = 100
MAX_DESCRIPTION = 256


def get_me(state: State, _: Parameters) -> dict[str, Any]:
    """Return the bot."""
    return state.bot


async def get_updates(state: State, parameters: Parameters) -> list[Any]:
    """Return the unacknowledged updates."""
    return await state.updates.poll(parameters)


def get_file(state: State, parameters: Parameters) -> dict[str, Any]:
    """Return a file's download path."""
    return state.files.described(parameters.text("file_id"))


def download(state: State, parameters: Parameters) -> bool:
    """Return whether a path has a file; not a method of the Bot API, but called like one."""
    if state.files.at(parameters.text("file_path")) is None:
        raise Refused(404, "Not Found")
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


def _scope(parameters: Parameters) -> tuple[str, str]:
    """Return `default`, `all_private_chats`, `chat:1` and so on, and the language."""
    scope = parameters.json("scope") or {"type": "default"}
    if not isinstance(scope, dict) or "type" not in scope:
        raise bad_request(f"can't parse BotCommandScope: {json.dumps(scope)}")
    ids = [str(scope[key]) for key in ("chat_id", "user_id") if key in scope]
    return ":".join([str(scope["type"]), *ids]), parameters.text("language_code")


METHODS = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "getFile": get_file,
    "download": download,
    "setMyCommands": set_my_commands,
}
