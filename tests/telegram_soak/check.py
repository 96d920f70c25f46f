"""Checks of the chats and the archive against people's messages.

Order has two meanings for people: answers appear in the order of the messages, and no answer is complete
before that to an earlier message. The answer to an edited message replaces the first one, so only the second
meaning applies to it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from memory.models import SUPERSEDED, Episode
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
    figures.forgets = len(written.forgets)
    figures.ended = world.crew.ended
    figures.asked_again = sum(count - 1 for count in world.model.asked.values())
    checker = Checker(world, written, figures, lines)
    checker.check_chats()
    checker.check_completion()
    if ours:
        await checker.check_archive()
        figures.other += [f"{figures.ended} processes ended unasked"] if figures.ended else []
        figures.other += [f"given up: {record['reason']}" for record in await world.lanes.dead()]


FORGOTTEN = ("Forgotten.", "Forgotten here.", "I do not remember this (any more).")
"""The second with a Chroma server, the third where what it was answered with is forgotten already."""


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
    together: dict[str, list[str]] = field(default_factory=dict)
    """The tags of the lines that were answered together, by each of them."""
    forgotten: Counter[int] = field(default_factory=Counter)
    """Number of messages that were forgotten, by chat."""

    def check_chats(self) -> None:
        """Check that each message has one answer, to its last edit, and in its place."""
        chats = {line.chat for line in self.lines}
        answers: defaultdict[Chat, list[tuple[list[str], Message]]] = defaultdict(list)
        for chat_id in {chat.chat_id for chat in chats}:
            for message in self.world.api.answers(chat_id):
                if message.text.startswith(FORGOTTEN):
                    self.forgotten[chat_id] += 1
                elif (found := self._read(message)) is not None:
                    answers[found[0]].append((found[1], message))
        for chat in chats:
            self._check_chat(chat, answers[chat])
        asked = Counter(line.chat.chat_id for line in self.written.forgets)
        if self.forgotten != asked:
            self.figures.unforgotten.append(f"{asked} are to be forgotten, {self.forgotten} were")

    def _read(self, message: Message) -> tuple[Chat, list[str]] | None:
        """Return the chat and the tags of the lines that a message answers."""
        if [button.data for button in message.buttons] != ["answer:why", "answer:wrong", "answer:forget"]:
            self.figures.left.append(f"{message.chat_id} has {message.buttons} under {message.text!r}")
        answer = ANSWER.fullmatch(message.text)
        tags = answer[1].split() if answer else []
        lines = [line for tag in tags for line in self.lines if line.tag == tag]
        if not tags or len(lines) != len(tags):
            self.figures.left.append(f"{message.chat_id} has {message.text!r}")
            return None
        chat, asked = lines[0].chat, self.written.messages[lines[0].name]
        at = (message.chat_id, message.topic, message.reply_to or asked)
        if at != (chat.chat_id, chat.topic, asked) or {line.chat for line in lines} != {chat}:
            self.figures.crossed.append(f"the answer to {tags} stands at {at}")
        return chat, tags

    def _check_chat(self, chat: Chat, answers: list[tuple[list[str], Message]]) -> None:
        last = {line.name: line.tag for line in self.lines if line.chat == chat}
        shown = {tag: message.text for tags, message in answers for tag in tags}
        self.together |= {tag: tags for tags, _ in answers for tag in tags}
        ordered = sorted(answers, key=lambda pair: pair[1].message_id)
        order = [tag.removesuffix("e") for tags, _ in ordered for tag in tags]
        counts = Counter(order)
        self.figures.doubled += [f"{name} is answered {n} times" for name, n in counts.items() if n > 1]
        self.figures.lost += [f"{tag} has no answer" for tag in last.values() if tag not in shown]
        self.shown |= shown
        self._note_late(misplaced(order, list(last)), "stands below the answer to a later one")

    def check_completion(self) -> None:
        """Check that a chat's answers were completed in the order of the messages."""
        done: defaultdict[int, list[str]] = defaultdict(list)
        for call in self.world.api.calls():
            text = str(call.parameters.get("text", ""))
            if call.status == 200 and call.method in {"sendMessage", "editMessageText"}:
                for match in ANSWER.finditer(text):
                    tags = match[1].split()
                    done[int(tags[0][1:].partition("n")[0])] += tags
        for chat in {line.chat for line in self.lines}:
            asked = [line.tag for line in self.lines if line.chat == chat]
            late = misplaced(list(dict.fromkeys(done[chat.number])), asked)
            self._note_late(late, "was complete after the answer to a later one")

    def _note_late(self, tags: Sequence[str], what: str) -> None:
        new = [tag for tag in tags if tag.removesuffix("e") not in self.late]
        self.late |= {tag.removesuffix("e") for tag in new}
        self.figures.disordered += [f"the answer to {tag} {what}" for tag in new]

    async def check_archive(self) -> None:
        """Check that each owner's archive has the lines of their chats once, and nobody else's."""
        asked = [line.tag for line in self.written.forgets]
        gone = {other for tag in asked for other in self.together.get(tag, [tag])}
        for owner in sorted({line.chat.owner for line in self.lines}):
            own = {line.tag: self._turn_id(line) for line in self.lines if line.chat.owner == owner}
            episodes = await self.world.layers.episodes.recent(owner=owner, limit=10**6)
            archived = {tag for episode in episodes for tag in _tags(episode.message)}
            self.figures.lost += [
                f"{tag} is not in the archive of {owner}" for tag in own if tag not in archived | gone
            ]
            self.figures.unforgotten += [f"{tag} is in the archive of {owner}" for tag in archived & gone]
            current = [episode for episode in episodes if SUPERSEDED not in episode.tags]
            counts = Counter(tag for episode in current for tag in _tags(episode.message))
            twice = [tag for tag, count in counts.items() if count > 1]
            self.figures.doubled += [f"{tag} is twice in the archive of {owner}" for tag in twice]
            for episode in episodes:
                self._check_episode(own, episode)

    def _check_episode(self, own: Mapping[str, str], episode: Episode) -> None:
        """Check that a turn has lines of its owner, and replies to these."""
        tags = _tags(episode.message)
        if episode.turn_id not in {own.get(tag) for tag in tags} or _tags(episode.reply) - tags:
            self.figures.crossed.append(f"{episode.owner} has {episode.turn_id} with {tags}")
        shown = {self.shown.get(tag, episode.reply) for tag in tags}
        if SUPERSEDED not in episode.tags and shown != {episode.reply}:
            self.figures.other.append(f"{tags}: {episode.reply!r} is archived, {shown} shown")

    def _turn_id(self, line: Line) -> str:
        return f"telegram-{self.world.bot_id}-{self.written.updates[line]}"


def _tags(text: str) -> set[str]:
    return {match.group() for match in TAG.finditer(text)}


def misplaced(found: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the items that are out of order."""
    places = {name: place for place, name in enumerate(wanted)}
    order = [places[name] for name in found if name in places]
    return [wanted[place] for place, most in zip(order, accumulate(order, max), strict=True) if place < most]
