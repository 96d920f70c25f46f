"""Commands that only read: /start, /help, /memory, /facts, /stats."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from telegram import Update

from bot.presentation.usage_figures import days_text, stats_text
from bot.printable import Say, snippet
from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.commands.why_command import when
from bot.telegram.gate.command_menu import set_admin_menu
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.texts import escape, inline_code
from memory.models import Episode, Fact

MOST_FOUND = 5
MOST_FACTS = 100
STATS_DAYS = 7


@dataclass(frozen=True, slots=True)
class ReadCommands:
    """Show help, memory, facts and statistics."""

    context: BotContext
    forget: ForgetCommand

    def commands(self) -> dict[str, Handler]:
        return {
            "start": self.start,
            "help": self.help,
            "memory": self.memory,
            "facts": self.facts,
            "stats": self.stats,
        }

    async def start(self, update: Update, _: HandlerContext) -> None:
        """Send the welcome message; set the menu of an admin."""
        say, user = self.context.say(update), update.effective_user
        parts = [say("welcome", name=escape(user.first_name) if user else "")]
        if not self.context.settings.model:
            parts.append(say("welcome_no_model"))
        if user is not None and await self.context.access.role(user.id) is Role.ADMIN:
            await set_admin_menu(self.context, user.id)
        await self.context.send(update, "\n\n".join(parts))

    async def help(self, update: Update, _: HandlerContext) -> None:
        say, user = self.context.say(update), update.effective_user
        buttons = [say("help_buttons")] if self.context.settings.telegram_buttons else []
        parts = ["\n".join([say("help"), *buttons])]
        if user is not None and await self.context.access.role(user.id) is Role.ADMIN:
            parts.append(say("help_admin"))
        await self.context.send(update, "\n\n".join(parts))

    async def memory(self, update: Update, _: HandlerContext) -> None:
        """Show the size of the memory, or search it."""
        message = command_message(update)
        query = command_text(message)
        if not query:
            await self.context.send(update, await self._overview(update))
            return
        owner = await self.context.owner_of(update)
        result = await self.context.agent.layers.episodes.search(query, owner=owner, limit=MOST_FOUND)
        found = [hit.episode for hit in result.hits[:MOST_FOUND]]
        text = await self._found(update, query, found)
        buttons = await self.forget.buttons(update, [episode.turn_id for episode in found])
        await self.context.send(update, text, buttons)

    async def facts(self, update: Update, _: HandlerContext) -> None:
        say, owner = self.context.say(update), await self.context.owner_of(update)
        layers = self.context.agent.layers
        rows, zone = await layers.permanent.facts(owner=owner), layers.zone
        await self.context.send(update, _facts(rows, zone, say) if rows else say("facts_none"))

    async def stats(self, update: Update, _: HandlerContext) -> None:
        layers, owner, now = self.context.agent.layers, await self.context.owner_of(update), datetime.now(UTC)
        episodes = layers.episodes
        text = self.context.say(update)(
            "stats",
            turns=await episodes.count(owner=owner),
            today=await episodes.count(owner=owner, since=now - timedelta(days=1)),
            week=await episodes.count(owner=owner, since=now - timedelta(days=7)),
            facts=len(await layers.permanent.facts(owner=owner)),
            megabytes=f"{await layers.files.size(owner) / 1e6:.1f}",
            model=inline_code(self.context.settings.model) or "–",
            uptime=_duration(time.monotonic() - self.context.began),
        )
        metrics = await layers.metrics.read(STATS_DAYS, owner=owner)
        say, guard = self.context.say(update), layers.guard
        by_day = days_text(await guard.by_day(STATS_DAYS, owner=owner), guard.budget, say)
        parts = [text, stats_text(metrics, say), by_day]
        await self.context.send(update, "\n\n".join(filter(None, parts)))

    async def _overview(self, update: Update) -> str:
        layers, say = self.context.agent.layers, self.context.say(update)
        owner = await self.context.owner_of(update)
        first = await layers.episodes.first(owner=owner)
        latest = await layers.episodes.recent(owner=owner, limit=1)
        facts = await layers.permanent.facts(owner=owner)
        if first is None:
            return say("memory_empty")
        zone = layers.zone
        return say(
            "memory_status",
            turns=await layers.episodes.count(owner=owner),
            first=when(first.at, zone),
            last=when(latest[0].at, zone),
            threads=len(await layers.episodes.threads(owner=owner)),
            facts=len(facts),
        )

    async def _found(self, update: Update, query: str, found: Sequence[Episode]) -> str:
        say, shown = self.context.say(update), inline_code(snippet(query))
        if not found:
            return say("memory_found_none", query=shown)
        zone = self.context.agent.layers.zone
        lines = [
            f"**{number}** · {when(episode.at, zone)}: {inline_code(snippet(episode.text))}"
            for number, episode in enumerate(found, start=1)
        ]
        return "\n\n".join([say("memory_found_title", query=shown), *lines])


def _facts(rows: Sequence[Fact], zone: tzinfo, say: Say) -> str:
    lines = [
        f"- {inline_code(fact.key)}: {inline_code(fact.value)} ({when(fact.at, zone)})"
        for fact in rows[:MOST_FACTS]
    ]
    return "\n".join([say("facts_title"), "", *lines])


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h {minutes % 60} min" if days else f"{hours} h {minutes % 60} min"
