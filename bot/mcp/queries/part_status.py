"""Status of the parts of the memory."""

import asyncio
from collections.abc import Awaitable

from bot.mcp.queries.memory_answers import Component
from graph.layers import Layers
from memory.concurrency.deadline import within
from memory.episodic.index.indexer import collection_name
from memory.episodic.index.ledger import VectorLedger
from memory.errors import GoatError

_SECONDS = 5.0


async def check_parts(layers: Layers, owner: str) -> list[Component]:
    """Check all parts concurrently."""
    checks = {
        "archive": _archive(layers, owner),
        "vectors": _vectors(layers, owner),
        "facts": _facts(layers, owner),
        "conversations": _conversations(layers, owner),
    }
    return await asyncio.gather(*(_part(name, check) for name, check in checks.items()))


async def _part(name: str, check: Awaitable[str]) -> Component:
    try:
        return Component(name=name, there=True, about=await within(_await(check), _SECONDS))
    except TimeoutError:
        return Component(name=name, there=False, problem=f"no answer in {_SECONDS:g} s; try again")
    except GoatError as error:
        return Component(name=name, there=False, problem=str(error))


async def _await(check: Awaitable[str]) -> str:
    return await check


async def _archive(layers: Layers, owner: str) -> str:
    return f"{await layers.episodes.count(owner=owner)} turns"


async def _vectors(layers: Layers, owner: str) -> str:
    state = await VectorLedger(layers.files).state(owner)
    there = await layers.vectors.count(collection_name(owner, state)) if state.parts else 0
    return f"{there} vectors of {state.parts}, {state.pending} turns wait for theirs"


async def _facts(layers: Layers, owner: str) -> str:
    await layers.tokens.ready()
    facts = await layers.permanent.facts(owner=owner)
    tokens = sum(layers.tokens(f"{fact.key}: {fact.value}\n") for fact in facts)
    return f"{len(facts)} facts, {tokens} of {layers.settings.facts_cap} tokens"


async def _conversations(layers: Layers, owner: str) -> str:
    today = (await layers.metrics.read(1, owner=owner)).whole.turns
    return f"{today} turns counted today"
