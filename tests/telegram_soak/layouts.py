"""The processes of which a bot consists."""

from collections.abc import Sequence
from dataclasses import dataclass

Words = Sequence[str]
_ALL: Words = ("goat", "telegram")
_INTAKE: Words = ("goat", "telegram", "--part", "intake")
_WORK: Words = ("goat", "telegram", "--part", "work")
_STOCK: Words = ("-m", "tests.telegram_soak.stock")


@dataclass(frozen=True, slots=True)
class Layout:
    """A bot's processes, by their command lines."""

    name: str
    processes: tuple[Words, ...]
    webhook: bool = False
    servers: bool = False
    """On servers that several machines could share, instead of those in the data folder."""
    ours: bool = True


POLLING = Layout("polling", (_ALL, _ALL, _WORK, _WORK))
SMALL = Layout("polling", (_ALL, _ALL, _WORK))
WEBHOOK = Layout("webhook", (_INTAKE, _INTAKE, _WORK, _WORK, _WORK), webhook=True)
SERVERS = Layout("servers", WEBHOOK.processes, webhook=True, servers=True)
ALONE = Layout("one process", (_ALL,))
STOCK = Layout("stock", (_STOCK,), ours=False)
CONCURRENT = Layout("stock, concurrent_updates", ((*_STOCK, "concurrent"),), ours=False)
LAYOUTS = (POLLING, WEBHOOK, ALONE, SERVERS, STOCK, CONCURRENT)
