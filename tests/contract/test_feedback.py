from datetime import UTC, datetime

from memory.database import OwnerTables
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.log.feedback_log import Feedback, FeedbackLog
from memory.models import Episode

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def feedback(turn_id: str, *, good: bool) -> Feedback:
    return Feedback(turn_id=turn_id, good=good, decisions="[]", at=AT)


async def test_the_latest_of_a_turn_stands_and_goes_with_the_owner(tables: OwnerTables) -> None:
    log = FeedbackLog(tables)
    await log.put(feedback("t1", good=True), owner="ana")
    await log.put(feedback("t1", good=False), owner="ana")
    await log.put(feedback("t2", good=True), owner="ana")
    await log.remove("t2", owner="ana")
    assert await log.all(owner="ana") == [feedback("t1", good=False)]
    assert await log.all(owner="bob") == []
    episodes = EpisodeLog(tables)
    await episodes.append(Episode(turn_id="t1", owner="ana", thread="1", message="hi", reply="", at=AT))
    await episodes.erase(owner="ana")
    assert await log.all(owner="ana") == []
