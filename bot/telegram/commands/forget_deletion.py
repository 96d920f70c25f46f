"""Deletion of what a person confirmed after /forget."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.telegram.bot_context import BotContext, Say
from bot.telegram.owner_keys import OwnerKeys
from bot.telegram.texts import inline_code
from graph.runtime.erasure_search import search_stores, words_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForgetDeletion:
    """Deletes, then searches every store for what was deleted."""

    context: BotContext
    question: str
    """Key of the confirmed question."""

    async def __call__(self, pending: Mapping[str, Any], say: Say) -> str:
        """Delete the turns, the fact or everything that the question named; return the text to send.

        The text, which is kept in Redis, repeats nothing of it.
        """
        owner, turn_ids, key = pending["owner"], pending.get("turns"), pending.get("key")
        if turn_ids:
            return await self._delete_turns(turn_ids, owner, say)
        return await (self._delete_fact(key, owner, say) if key else self._delete_all(owner, say))

    @property
    def _keys(self) -> OwnerKeys:
        return OwnerKeys(self.context.agent, str(self.context.me.id), self.question)

    async def _delete_all(self, owner: str, say: Say) -> str:
        await self._keys.erase(owner)
        words = await words_of(self.context.agent.layers, owner=owner)
        left = await self.context.agent.erase(owner)
        await self._keys.erase_records(owner)  # stopped turns may have written records meanwhile
        reasons = "\n".join(map(inline_code, left))
        said = say("forgotten_left", reasons=reasons) if left else say("forgotten_all")
        return f"{said}{await self._searched(words, owner, say)}"

    async def _delete_fact(self, key: str, owner: str, say: Say) -> str:
        versions = await self.context.agent.removal.facts.versions(key, owner)
        left = await self.context.agent.forget(owner=owner, facts=[key])
        await self._keys.erase_fact_questions(owner, key)
        reasons = "\n".join(map(inline_code, left))
        said = say("forgotten_turn_left", reasons=reasons) if left else say("forgotten_turn")
        return f"{said}{await self._searched([one.value for one in versions], owner, say)}"

    async def _delete_turns(self, turn_ids: Sequence[str], owner: str, say: Say) -> str:
        agent = self.context.agent
        versions = await agent.removal.versions([*turn_ids], owner)
        await self._keys.erase_questions(owner, versions)
        words = await words_of(agent.layers, versions, owner=owner)
        left = await agent.forget(turn_ids, owner=owner)
        await self._keys.erase_records(owner, versions)
        reasons = "\n".join(map(inline_code, left))
        said = say("forgotten_turn_left", reasons=reasons) if left else say("forgotten_turn")
        return f"{said}{await self._searched(words, owner, say)}"

    async def _searched(self, words: Sequence[str], owner: str, say: Say) -> str:
        """Search every store for erased words; return what was searched.

        Where they were found is only logged, since it could reveal what others said.
        """
        searched = await search_stores(self.context.agent.layers, words, owner=owner)
        if searched.found:
            logger.warning("Erased words are repeated in %s", ", ".join(searched.found))
        if not searched.texts:
            return ""
        return "\n\n" + say("forgotten_searched", files=searched.files, entries=searched.entries)
