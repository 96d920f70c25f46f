"""Turns of a conversation as Redis and exports hold them: the token count in decimal, a blank, and JSON."""

import json
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from pydantic_core import from_json

from memory.database import to_bytes
from memory.models import ConversationTurn
from memory.provenance import plain, read_parts

logger = logging.getLogger(__name__)


def to_record(turn: ConversationTurn) -> dict[str, Any]:
    """Return a turn as JSON values."""
    record: dict[str, Any] = {
        "turn_id": turn.turn_id,
        "tokens": turn.tokens,
        "message": turn.message,
        "reply": turn.reply,
        "at": turn.at.isoformat(),
        "evidence": turn.evidence,
        "foreign": turn.foreign,
        "parts": plain(turn.parts),
    }
    return record if turn.in_vain is None else record | {"in_vain": turn.in_vain}


def dump(turn: ConversationTurn) -> bytes:
    """Serialise a turn for storage, without its id."""
    body = {key: value for key, value in to_record(turn).items() if key not in ("turn_id", "tokens")}
    return b"%d %b" % (turn.tokens, to_bytes(json.dumps(body, ensure_ascii=False)))


def load(turn_id: bytes, tokens: bytes, fields: Any) -> ConversationTurn:
    """Build a turn from parsed values.

    Raises:
        KeyError, TypeError, ValueError: they are no turn.
    """
    return ConversationTurn(
        turn_id=turn_id.decode("utf-8", "surrogatepass"),
        message=str(fields["message"]),
        reply=str(fields["reply"]),
        at=datetime.fromisoformat(fields["at"]),
        evidence=tuple(fields["evidence"]),
        parts=read_parts(fields.get("parts", ())),
        foreign=fields.get("foreign", False),
        tokens=int(tokens),
        in_vain={str(name): (float(chance), int(left)) for name, (chance, left) in dict(vain).items()}
        if (vain := fields.get("in_vain")) is not None
        else None,
    )


def load_all(found: Iterable[tuple[bytes, bytes]]) -> list[ConversationTurn]:
    """Parse pairs of turn id and stored turn, without those that cannot be read."""
    rows = [(turn_id, *stored.partition(b" ")[::2]) for turn_id, stored in found]
    turns = []
    try:
        parsed = cast("list[Any]", from_json(b"[%b]" % b",".join([body for *_, body in rows])))
    except ValueError:  # a lone surrogate is not UTF-8, but a person may have sent it
        parsed = [_parse_one(body) for *_, body in rows]
    for (turn_id, tokens, _), fields in zip(rows, parsed, strict=True):
        try:
            turns.append(load(turn_id, tokens, fields))
        except (ValueError, KeyError, TypeError):
            logger.warning("Left out turn %r: what is stored cannot be read", turn_id)
    return turns


def _parse_one(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
