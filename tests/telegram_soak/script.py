"""The messages and the kills of a trial, all derived from a seed."""

import hashlib
import random
import re
from dataclasses import dataclass

TAG = re.compile(r"\bc(\d+)n(\d+)(e?)\b")
ANSWER = re.compile(r"Re (c\d+n\d+e?(?: c\d+n\d+e?)*), number (\d+): [a-z ]+ and that is all\.")
"""A whole answer, with the lines that it answers; an interrupted one does not have its end."""
BOT = "@goat_test_bot"
_TOPICS = (None, 11, 12, 13)
_FIRST_PERSON, _FIRST_GROUP, _SPEAKERS = 5001, -1_000_000_007_001, 3
_LONGEST_BURST = 5
_EDITS, _REDIS_KILLS = 0.06, 0.1
"""Share of the messages that are edited later, and share of the kills that hit the Redis server."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat, or a topic of a group; each is answered in order."""

    number: int
    chat_id: int
    topic: int | None = None

    @property
    def private(self) -> bool:
        return self.chat_id > 0

    @property
    def forgets(self) -> bool:
        """True where messages are forgotten, and none is edited."""
        return self.number % 5 == 0

    @property
    def owner(self) -> str:
        """Owner of its memory."""
        return f"telegram-{self.chat_id}" if self.private else f"telegram-group-{abs(self.chat_id)}"

    def speaker(self, number: int) -> int:
        """Return the author of the message of this number."""
        return self.chat_id if self.private else 6001 + number % _SPEAKERS


@dataclass(frozen=True, slots=True)
class Line:
    """A written line: a message of a chat, or its edited text."""

    chat: Chat
    number: int
    edit: bool = False

    @property
    def name(self) -> str:
        """The message, the same for all its edits."""
        return f"c{self.chat.number}n{self.number}"

    @property
    def tag(self) -> str:
        return self.name + "e" * self.edit

    @property
    def text(self) -> str:
        """Words unique to this line, and its tag."""
        digest = hashlib.sha256(self.tag.encode()).hexdigest()
        words = " ".join(digest[start : start + 5] for start in range(0, 30, 5))
        return f"{'' if self.chat.private else BOT + ' '}Please note {words} for {self.tag}"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill of a process, by SIGKILL."""

    whom: float
    """Its place among the bot's processes, from 0 to 1."""
    redis: bool = False


@dataclass(frozen=True, slots=True)
class Freeze:
    """A process is suspended, for longer than its leases last."""

    whom: float
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Outage:
    """All processes are killed, and stay away for a while."""

    seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Forget:
    """Somebody has the bot forget a message, by /forget in reply to it."""

    line: Line


@dataclass(frozen=True, slots=True)
class Step:
    """An event, and the seconds before it."""

    pause: float
    act: Line | Kill | Freeze | Outage | Forget


@dataclass(frozen=True, slots=True)
class Plan:
    """The amount of events."""

    messages: int = 1000
    chats: int = 20
    kills: int = 60
    rate: float = 6.0
    """Average messages per second."""
    seed: int = 1
    freezes: int = 4
    forgets: int = 20
    outages: int = 2


def chats(count: int) -> list[Chat]:
    """Return chats: three of five private, the others topics of groups."""
    found, groups = list[Chat](), 0
    for number in range(count):
        if number % 5 < 3:
            found.append(Chat(number, _FIRST_PERSON + number))
        else:
            found.append(Chat(number, _FIRST_GROUP - groups // len(_TOPICS), _TOPICS[groups % len(_TOPICS)]))
            groups += 1
    return found


def steps(plan: Plan) -> list[Step]:
    """Return the events in order: bursts of messages with pauses, edits, forgets, and harms."""
    chance = random.Random(plan.seed)
    written = _with_forgets(_written(plan, chance), plan.forgets, chance)
    last = max(1, len(written) * 3 // 4)
    for harm in _harms(plan, chance):
        written.insert(chance.randrange(min(4, last), last + 1), Step(chance.random() / plan.rate, harm))
    return written


def _written(plan: Plan, chance: random.Random) -> list[Step]:
    everywhere, found, left = chats(plan.chats), list[Step](), plan.messages
    numbers = dict.fromkeys(everywhere, 0)
    while left:
        chat, size = chance.choice(everywhere), min(left, chance.randint(1, _LONGEST_BURST))
        pause, left = chance.expovariate(plan.rate / size), left - size
        for number in range(numbers[chat], numbers[chat] + size):
            found.append(Step(pause, Line(chat, number)))
            pause = 0.0
        numbers[chat] += size
    return _with_edits(found, chance)


def _with_edits(found: list[Step], chance: random.Random) -> list[Step]:
    lines = [step.act for step in found if isinstance(step.act, Line)]
    edited = [line for line in lines if not line.chat.forgets]
    for line in chance.sample(edited, int(len(lines) * _EDITS)):
        first = next(place for place, step in enumerate(found) if step.act == line) + 1
        place = chance.randint(first, min(len(found), first + len(lines) // 5))
        found.insert(place, Step(0.0, Line(line.chat, line.number, edit=True)))
    return found


def _with_forgets(found: list[Step], count: int, chance: random.Random) -> list[Step]:
    lines = [step.act for step in found if isinstance(step.act, Line) and step.act.chat.forgets]
    for line in chance.sample(lines, min(count, len(lines))):
        first = next(place for place, step in enumerate(found) if step.act == line) + 1
        found.insert(chance.randint(first, min(len(found), first + len(lines))), Step(0.0, Forget(line)))
    return found


def _harms(plan: Plan, chance: random.Random) -> list[Kill | Freeze | Outage]:
    redis = max(1, int(plan.kills * _REDIS_KILLS)) if plan.kills > 1 else 0
    kills = [Kill(chance.random(), redis=number < redis) for number in range(plan.kills)]
    freezes = [Freeze(chance.random()) for _ in range(plan.freezes)]
    return [*kills, *freezes, *[Outage()] * plan.outages]
