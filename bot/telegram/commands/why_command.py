"""/why, and the button of the same name: what an answer remembered, with a picture of the scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from telegram import Update

from bot.pictures.painter import Painter
from bot.telegram.bot_context import BotContext, Say, command_message
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.commands.why import picture_words, why_picture, why_text
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.outbox.message_format import Upload
from bot.telegram.place import place_of
from graph.explain.explanation import Explanation, explain, explain_observed
from graph.state.turn_state import State
from memory.models import EDIT_OF

MOST_FORGETTABLE = 8
"""Buttons in a row, as many as Telegram shows side by side."""


@dataclass(frozen=True, slots=True)
class WhyCommand:
    context: BotContext
    painter: Painter
    forget: ForgetCommand

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Explain the last answer's recall: memories used and left out, and a picture of the scores."""
        message, context = command_message(update), self.context
        answer, place = await context.answer(update, message), place_of(message)
        turn_id = "" if answer.sent else await context.last_turn_id(place)
        if not turn_id or not await self.of_turn(update, turn_id, await context.owner(place)):
            await answer.finish(context.say(update)("why_none"))

    async def of_turn(self, update: Update, turn_id: str, owner: str) -> bool:
        """Explain an answer; return False if its record is gone."""
        state = await self._last(update)
        if state is not None and state["turn"].turn_id == turn_id:
            await self._explain(update, explain(state), replaces=_replaces(state["turn"].tags))
            return True
        layers, episode = self.context.agent.layers, await self.context.episode(turn_id, owner)
        seen = await layers.observations.get(turn_id, owner=owner)
        if seen is None or episode is None:
            return False
        found = await layers.episodes.get([one.turn_id for one in seen.decisions], owner=owner)
        await self._explain(update, explain_observed(seen, episode, found), replaces=_replaces(episode.tags))
        return True

    async def _last(self, update: Update) -> State | None:
        thread = await self.context.thread(place_of(command_message(update)))
        return await self.context.agent.last_turn(thread)

    async def _explain(self, update: Update, turn: Explanation | None, *, replaces: bool) -> None:
        message, context, say = command_message(update), self.context, self.context.say(update)
        zone = context.agent.layers.zone
        if turn is not None and turn.problems and not await context.sees_details(place_of(message)):
            turn = replace(turn, problems=[say("why_problem_plain")])
        links, picture = await self._links(turn), await self._picture(turn, zone, say)
        upload = Upload(picture, "why.png", say("picture_refused"), photo=True) if picture else None
        turn_ids = [memory.decision.turn_id for memory in (turn.memories if turn else ())][:MOST_FORGETTABLE]
        buttons = await self.forget.buttons(update, turn_ids)
        text = why_text(turn, zone, say, links.get)
        if replaces:
            text = f"{text}\n\n{say('why_replaces')}"
        await (await context.answer(update, message)).finish(text, buttons, upload)

    async def _picture(self, turn: Explanation | None, zone: tzinfo, say: Say) -> bytes | None:
        """Draw a turn's scores and budget; None if the turn found no memories."""
        if turn is None or not turn.memories:
            return None
        return await self.painter.turn(*why_picture(turn, zone, say), picture_words(say))

    async def _links(self, turn: Explanation | None) -> dict[str, str]:
        """Return links to the messages of the recalled turns, where they have one."""
        prefix, links = self.context.turn_id(0).removesuffix("0"), {}
        for turn_id in (memory.decision.turn_id for memory in (turn.memories if turn else ())):
            number = turn_id.removeprefix(prefix)
            if turn_id.startswith(prefix) and number.isdecimal():
                record = await self.context.records.turn(int(number))
                if record.link:
                    links[turn_id] = record.link
        return links


def _replaces(tags: Sequence[str]) -> bool:
    return any(tag.startswith(EDIT_OF) for tag in tags)
