"""Checks of the chats and the archive against people's messages.

Order has two meanings for people: answers appear in the order of the messages, and no answer is complete
before that to an earlier message. The answer to an edited message replaces the first one, so only the second
meaning applies to it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from memory.models import Episode
from tests.servers.telegram import Message
from tests.telegram_soak.figures import Figures
from tests.telegram_soak.script import ANSWER, TAG, Chat, Line
from tests.telegram_soak.world import World
from tests.telegram_soak.written import Written


async def check(world: World, written: Written, figures: Figures) -> None:
    """Check every chat, and every owner's archive."""
    ours = world.crew.layout.ours
    lines = [line for line in written.lines if ours or not line.edit]
    figures.messages = sum(not line.edit for line in lines)
    figures.edits = len(lines) - figures.messages
    figures.ended = world.crew.ended
    figures.asked_again = sum(count - 1 for count in world.model.asked.values())
    checker = Checker(world, written, figures, lines)
    checker.check_chats()
    checker.check_completion()
    if ours:
        await checker.check_archive()
        figures.other += [f"{figures.ended} processes ended unasked"] if figures.ended else []
        figures.other += [f"given up: {record['reason']}" for record in await world.lanes.dead()]


@dataclass(slots=True)
class Checker:
    """Checks the answers to the lines."""

    world: World
    written: Written
    figures: Figures
    lines: Sequence[Line]
    shown: dict[str, str] = field(default_factory=dict)
    """Each answer in its chat, by the tag of its line."""
    late: set[str] = field(default_factory=set)
    """Messages found out of order, each counted once."""

    def check_chats(self) -> None:
        """Check that each message has one answer, to its last edit, and in its place."""
        chats = {line.chat for line in self.lines}
        answers: defaultdict[Chat, list[tuple[str, Message]]] = defaultdict(list)
        for chat_id in {chat.chat_id for chat in chats}:
            for message in self.world.api.answers(chat_id):
                if (found := self._read(message)) is not None:
                    answers[found[0]].append((found[1], message))
        for chat in chats:
            self._check_chat(chat, answers[chat])

    def _read(self, message: Message) -> tuple[Chat, str] | None:
        """Return the chat and the tag of the line that a message answers."""
        if message.buttons:
            self.figures.left.append(f"{message.chat_id} has a mark under {message.text!r}")
        tag = message.text.split(",")[0].removeprefix("Re ")
        line = next((line for line in self.lines if line.tag == tag), None)
        if line is None or not ANSWER.fullmatch(message.text):
            self.figures.left.append(f"{message.chat_id} has {message.text!r}")
            return None
        asked = self.written.messages[line.name]
        at = (message.chat_id, message.topic, message.reply_to or asked)
        if at != (line.chat.chat_id, line.chat.topic, asked):
            self.figures.crossed.append(f"the answer to {tag} stands at {at}")
        return line.chat, tag

    def _check_chat(self, chat: Chat, answers: list[tuple[str, Message]]) -> None:
        last = {line.name: line.tag for line in self.lines if line.chat == chat}
        counts = Counter(tag.removesuffix("e") for tag, _ in answers)
        self.figures.doubled += [f"{name} is answered {n} times" for name, n in counts.items() if n > 1]
        given = {tag for tag, _ in answers}
        self.figures.lost += [f"{tag} has no answer" for tag in last.values() if tag not in given]
        self.shown |= {tag: message.text for tag, message in answers}
        order = [tag.removesuffix("e") for tag, _ in sorted(answers, key=lambda pair: pair[1].message_id)]
        self._note_late(misplaced(order, list(last)), "stands below the answer to a later one")

    def check_completion(self) -> None:
        """Check that a chat's answers were completed in the order of the messages."""
        done: defaultdict[int, list[str]] = defaultdict(list)
        for call in self.world.api.calls():
            text = str(call.parameters.get("text", ""))
            if call.status == 200 and call.method in {"sendMessage", "editMessageText"}:
                for match in ANSWER.finditer(text):
                    done[int(match[1])].append(f"c{match[1]}n{match[2]}{match[3]}")
        for chat in {line.chat for line in self.lines}:
            asked = [line.tag for line in self.lines if line.chat == chat]
            late = misplaced(list(dict.fromkeys(done[chat.number])), asked)
            self._note_late(late, "was complete after the answer to a later one")

    def _note_late(self, tags: Sequence[str], what: str) -> None:
        new = [tag for tag in tags if tag.removesuffix("e") not in self.late]
        self.late |= {tag.removesuffix("e") for tag in new}
        self.figures.disordered += [f"the answer to {tag} {what}" for tag in new]

    async def check_archive(self) -> None:
        """Check that each owner's archive has the turns of their chats once, and nobody else's."""
        for owner in sorted({line.chat.owner for line in self.lines}):
            own = {self._turn_id(line): line for line in self.lines if line.chat.owner == owner}
            episodes = await self.world.layers.episodes.recent(owner=owner, limit=10**6)
            counts = Counter(episode.turn_id for episode in episodes)
            missing = [line.tag for turn_id, line in own.items() if turn_id not in counts]
            self.figures.lost += [f"{tag} is not in the archive of {owner}" for tag in missing]
            twice = [turn_id for turn_id, count in counts.items() if count > 1]
            self.figures.doubled += [f"{turn_id} is twice in the archive of {owner}" for turn_id in twice]
            for episode in episodes:
                self._check_episode(owner, own.get(episode.turn_id), episode)

    def _check_episode(self, owner: str, line: Line | None, episode: Episode) -> None:
        tags = {match.group() for match in TAG.finditer(f"{episode.message} {episode.reply}")}
        if line is None or tags != {line.tag}:
            self.figures.crossed.append(f"{owner} has {episode.turn_id} with {tags}")
        elif episode.reply != self.shown.get(line.tag, episode.reply):
            self.figures.other.append(
                f"{line.tag}: {episode.reply!r} is archived, {self.shown[line.tag]!r} shown"
            )

    def _turn_id(self, line: Line) -> str:
        return f"telegram-{self.world.bot_id}-{self.written.updates[line]}"


def misplaced(found: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the items that are out of order."""
    places = {name: place for place, name in enumerate(wanted)}
    order = [places[name] for name in found if name in places]
    return [wanted[place] for place, most in zip(order, accumulate(order, max), strict=True) if place < most]
