"""Invented files in the formats that other programs export, of any size."""

import json
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGAN = datetime(2023, 4, 5, 9, 30, tzinfo=UTC)
_WORDS = """adapter balcony boiler cellar cousin dentist fence ferry garage hinge invoice kettle
ladder lantern locker meadow mortgage notary orchard passport plumber quarry receipt
saddle shutter surgeon tenant timber tractor tunnel vaccine valley violin warranty window
workshop"""
WORDS = _WORDS.split()


def sentence(draw: random.Random, words: int = 12) -> str:
    return " ".join(draw.choices(WORDS, k=words)).capitalize() + f" {draw.randrange(10**6)}."


# ChatGPT: a tree of messages in each conversation


def chatgpt_message(role: str, text: str, at: datetime, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    author: dict[str, Any] = {"role": role, "name": None, "metadata": {}}
    about: dict[str, Any] = {
        "author": author,
        "create_time": at.timestamp(),
        "content": content,
        "recipient": "all",
    }
    return about | {"status": "finished_successfully", "weight": 1.0, "metadata": {}} | more


def chatgpt_tree(
    name: str, messages: Sequence[tuple[str, str | None, Mapping[str, Any] | None]], current: str
) -> dict[str, Any]:
    """Build a conversation from nodes: id, parent, message."""
    mapping: dict[str, Any] = {}
    for node, parent, message in messages:
        held = None if message is None else {"id": node, **message}
        mapping[node] = {"id": node, "message": held, "parent": parent, "children": []}
        if parent is not None:
            mapping[parent]["children"].append(node)
    return {
        "title": f"About {name}",
        "create_time": BEGAN.timestamp(),
        "update_time": BEGAN.timestamp(),
        "mapping": mapping,
        "moderation_results": [],
        "current_node": current,
        "conversation_id": f"c-{name}",
        "id": f"c-{name}",
    }


def chatgpt_conversation(number: int, exchanges: int, draw: random.Random, words: int = 12) -> dict[str, Any]:
    nodes: list[tuple[str, str | None, Mapping[str, Any] | None]] = [(f"{number}-root", None, None)]
    for place in range(exchanges):
        at = BEGAN + timedelta(days=number, minutes=place)
        for role in ("user", "assistant"):
            text = sentence(draw, words if role == "user" else words * 4)
            nodes.append((f"{number}-{place}-{role}", nodes[-1][0], chatgpt_message(role, text, at)))
    return chatgpt_tree(str(number), nodes, nodes[-1][0])


def write_chatgpt(path: Path, conversations: int, exchanges: int, words: int = 12) -> Path:
    """Write an export of any size without holding it in memory."""
    draw = random.Random(conversations)
    return write_list(path, (chatgpt_conversation(n, exchanges, draw, words) for n in range(conversations)))


def write_list(path: Path, values: Iterable[object]) -> Path:
    """Write a JSON list value by value."""
    with path.open("w", encoding="utf-8") as file:
        for number, value in enumerate(values):
            file.write("[" if number == 0 else ",\n")
            json.dump(value, file, ensure_ascii=False)
        file.write("]")
    return path


# Claude: a list of messages in each conversation


def claude_message(number: int, sender: str, text: str, **more: Any) -> dict[str, Any]:
    at = f"{(BEGAN + timedelta(minutes=number)).replace(tzinfo=None).isoformat()}.123456Z"
    blocks = [{"type": "text", "text": text, "citations": [], "start_timestamp": at, "stop_timestamp": at}]
    about = {"uuid": f"m-{number}", "text": text, "content": blocks, "sender": sender}
    return about | {"created_at": at, "updated_at": at, "attachments": [], "files": []} | more


def claude_conversation(name: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    at = messages[0]["created_at"] if messages else "2023-04-05T09:30:00.000000Z"
    about = {"uuid": f"u-{name}", "name": name, "summary": "", "created_at": at, "updated_at": at}
    return about | {"account": {"uuid": "a-1"}, "chat_messages": list(messages)}


# Telegram Desktop: result.json of one chat, or of all


def telegram_message(number: int, author: str, text: object, **more: Any) -> dict[str, Any]:
    at = BEGAN + timedelta(minutes=number)
    sent = {
        "id": number,
        "type": "message",
        "date": at.replace(tzinfo=None).isoformat(),
        "date_unixtime": str(int(at.timestamp())),
        "from": author,
        "from_id": f"user{sum(author.encode())}",
    }
    return sent | {"text": text, "text_entities": []} | more


def telegram_service(number: int) -> dict[str, Any]:
    at = (BEGAN + timedelta(minutes=number)).replace(tzinfo=None).isoformat()
    return {"id": number, "type": "service", "date": at, "actor": "Ana", "action": "phone_call", "text": ""}


def telegram_chat(name: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"name": name, "type": "personal_chat", "id": sum(name.encode()), "messages": list(messages)}


def telegram_whole(me: str, chats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    about = {"user_id": sum(me.encode()), "first_name": me, "last_name": "", "phone_number": "+40 700"}
    listed = {"about": "This page lists all chats.", "list": list(chats)}
    return {"about": "Here is the data.", "personal_information": about, "chats": listed}


def write_telegram(path: Path, messages: int) -> Path:
    """Write a chat of any size without holding it in memory."""
    draw = random.Random(messages)
    with path.open("w", encoding="utf-8") as file:
        file.write('{"name": "Ben", "type": "personal_chat", "id": 7, "messages": ')
        for number in range(messages):
            file.write("[" if number == 0 else ",\n")
            author = "Ana" if number % 3 else "Ben"
            json.dump(telegram_message(number, author, sentence(draw, 20)), file)
        file.write("]}")
    return path


# WhatsApp: lines in the phone's date form


def whatsapp_android(messages: Iterable[tuple[datetime, str, str]], form: str) -> Iterator[str]:
    return (f"{at:{form}} - {author}: {text}" for at, author, text in messages)


def whatsapp_iphone(messages: Iterable[tuple[datetime, str, str]], form: str) -> Iterator[str]:
    return (f"[{at:{form}}] {author}: {text}" for at, author, text in messages)


def write_whatsapp(path: Path, messages: int) -> Path:
    """Write a chat of any size without holding it in memory."""
    draw = random.Random(messages)
    said = (
        (
            BEGAN + timedelta(minutes=n),
            "Ana" if n % 3 else "Ben",
            f"{sentence(draw)}\nand {sentence(draw, 8)}",
        )
        for n in range(messages)
    )
    with path.open("w", encoding="utf-8") as file:
        for line in whatsapp_android(said, "%d/%m/%Y, %H:%M"):
            file.write(f"{line}\n")
    return path


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
