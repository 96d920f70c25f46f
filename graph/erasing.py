"""An owner's data, deleted from everything that keeps any."""

from graph.layers import Layers
from graph.pending import PendingTurns
from graph.redis_saver import RedisSaver


async def erase_owner(layers: Layers, saver: RedisSaver, pending: PendingTurns, *, owner: str) -> None:
    """Delete it all, for good; the archive is asked for the owner's threads before it goes itself."""
    await layers.delegation.erase(owner=owner)
    await layers.recorder.flush()
    for thread in [*await layers.episodes.threads(owner=owner), *await pending.threads_of(owner)]:
        await saver.adelete_thread(thread)
    await layers.conversations.erase(owner=owner)
    await layers.episodes.erase(owner=owner)
    await layers.permanent.erase(owner=owner)
    await layers.cache.erase(owner=owner)
    await layers.tool_cache.erase(owner=owner)
    await layers.metrics.erase(owner=owner)
    await layers.plugins.erase(owner=owner)
