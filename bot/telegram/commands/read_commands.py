"""Commands that look: /start, /help, /why, /memory, /facts, /stats."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from telegram import Update

from bot.pictures.painter import Painter
from bot.presentation.turn_pictures import picture_of
from bot.presentation.usage_figures import stats_text
from bot.printable import snippet
from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext, Say, asked_by, command_text
from bot.telegram.commands.why import picture_words, reason, when, why_text
from bot.telegram.gate.gate import Context, Handler
from bot.telegram.outbox.outbox import Upload
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from graph.explain.explanation import Explanation, explain
from memory.models import Fact
from memory.working.redis_metrics import RedisMetrics

MOST_FOUND = 5
MOST_FACTS = 100
STATS_DAYS = 7


@dataclass(frozen=True, slots=True)
class ReadCommands:
    """Answer questions about the agent and what it remembers."""

    desk: BotContext
    painter: Painter

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {
            "start": self.start,
            "help": self.help,
            "why": self.why,
            "memory": self.memory,
            "facts": self.facts,
            "stats": self.stats,
        }

    async def start(self, update: Update, _: Context) -> None:
        """Greet."""
        say, user = self.desk.say(update), update.effective_user
        parts = [say("welcome", name=escaped(user.first_name) if user else "")]
        if not self.desk.settings.model:
            parts.append(say("welcome_no_model"))
        await self._finish(update, "\n\n".join(parts))

    async def help(self, update: Update, _: Context) -> None:
        """Say what can be done."""
        say, user = self.desk.say(update), update.effective_user
        parts = [say("help")]
        if user is not None and await self.desk.access.role(user.id) is Role.ADMIN:
            parts.append(say("help_admin"))
        await self._finish(update, "\n\n".join(parts))

    async def why(self, update: Update, _: Context) -> None:
        """Show what was recalled for the last answer, what was cut, and a picture of the scores."""
        message = asked_by(update)
        desk, place, say = self.desk, place_of(message), self.desk.say(update)
        answer = await desk.answer(update, message)
        state = None if answer.sent else await desk.agent.last_turn(await desk.thread(place))
        if state is None:
            await answer.finish(say("why_none"))
            return
        zone = await desk.agent.layers.zone()
        turn = explain(state)
        links, picture = await self._links(turn), await self._picture(turn, zone, say)
        upload = Upload(picture, "why.png", photo=True) if picture else None
        await answer.finish(why_text(turn, zone, say, links.get), upload=upload)

    async def memory(self, update: Update, _: Context) -> None:
        """Tell how much there is, or search it."""
        message = asked_by(update)
        query = command_text(message)
        await self._finish(update, await (self._found(update, query) if query else self._overview(update)))

    async def facts(self, update: Update, _: Context) -> None:
        """List the curated facts."""
        say, owner = self.desk.say(update), await self._owner(update)
        layers = self.desk.agent.layers
        rows, zone = await layers.permanent.facts(owner=owner), await layers.zone()
        await self._finish(update, _facts(rows, zone, say) if rows else say("facts_none"))

    async def stats(self, update: Update, _: Context) -> None:
        """Tell some numbers."""
        layers, owner, now = self.desk.agent.layers, await self._owner(update), datetime.now(UTC)
        episodes, path = layers.episodes, layers.files.path(owner)
        text = self.desk.say(update)(
            "stats",
            turns=await episodes.count(owner=owner),
            today=await episodes.count(owner=owner, since=now - timedelta(days=1)),
            week=await episodes.count(owner=owner, since=now - timedelta(days=7)),
            facts=len(await layers.permanent.facts(owner=owner)),
            megabytes=f"{await asyncio.to_thread(_size, path) / 1e6:.1f}",
            model=verbatim(self.desk.settings.model) or "–",
            uptime=_duration(time.monotonic() - self.desk.began),
        )
        metrics = await RedisMetrics(layers.redis.client).read(STATS_DAYS, owner=owner)
        more = stats_text(metrics, self.desk.say(update))
        await self._finish(update, f"{text}\n\n{more}" if more else text)

    async def _overview(self, update: Update) -> str:
        layers, owner, say = self.desk.agent.layers, await self._owner(update), self.desk.say(update)
        first, latest = (
            await layers.episodes.first(owner=owner),
            await layers.episodes.recent(owner=owner, limit=1),
        )
        facts = await layers.permanent.facts(owner=owner)
        if first is None:
            return say("memory_empty")
        zone = await layers.zone()
        return say(
            "memory_status",
            turns=await layers.episodes.count(owner=owner),
            first=when(first.at, zone),
            last=when(latest[0].at, zone),
            threads=len(await layers.episodes.threads(owner=owner)),
            facts=len(facts),
        )

    async def _found(self, update: Update, query: str) -> str:
        layers, say = self.desk.agent.layers, self.desk.say(update)
        shown = verbatim(snippet(query))
        result = await layers.episodes.search(query, owner=await self._owner(update), limit=MOST_FOUND)
        if not result.hits:
            return say("memory_found_none", query=shown)
        zone = await layers.zone()
        lines = [
            f"{when(hit.episode.at, zone)}: {verbatim(snippet(hit.episode.text))}"
            for hit in result.hits[:MOST_FOUND]
        ]
        return "\n\n".join([say("memory_found_title", query=shown), *lines])

    async def _picture(self, turn: Explanation | None, zone: tzinfo, say: Say) -> bytes | None:
        """Draw the scores and the budget of a turn; nothing when nothing was found for it."""
        if turn is None or not turn.memories:
            return None
        words = picture_words(say)
        shown = picture_of(
            turn, lambda at: when(at, zone), words=words, rule=lambda decision: reason(decision, say, str)
        )
        return await self.painter.turn(*shown, words)

    async def _links(self, turn: Explanation | None) -> dict[str, str]:
        """Return where the messages of the recalled turns stand, of those that have an address."""
        prefix, links = self.desk.turn_id(0).removesuffix("0"), {}
        for turn_id in (memory.decision.turn_id for memory in (turn.memories if turn else ())):
            number = turn_id.removeprefix(prefix)
            if turn_id.startswith(prefix) and number.isdecimal():
                record = await self.desk.records.turn(int(number))
                if record.link:
                    links[turn_id] = record.link
        return links

    async def _owner(self, update: Update) -> str:
        return await self.desk.owner(place_of(asked_by(update)))

    async def _finish(self, update: Update, markdown: str) -> None:
        await (await self.desk.answer(update, asked_by(update))).finish(markdown)


def _facts(rows: Sequence[Fact], zone: tzinfo, say: Say) -> str:
    lines = [
        f"- {verbatim(fact.key)}: {verbatim(fact.value)} ({when(fact.at, zone)})"
        for fact in rows[:MOST_FACTS]
    ]
    return "\n".join([say("facts_title"), "", *lines])


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h {minutes % 60} min" if days else f"{hours} h {minutes % 60} min"
