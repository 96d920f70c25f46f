"""`python -m tests.pictures.studio` writes the pictures of docs/studio.md, from a server that it runs."""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.pictures.canvas import png
from bot.pictures.palette import PALETTES, Palette
from graph.app import open_agent
from graph.settings.settings import Settings
from graph.state.thread_ids import thread_id
from memory.models import Episode
from tests.pictures.studio_drawing import Told, fork_figure, graph_figure, steps_figure
from tests.pictures.told import ASKED, LAST, SAID
from tests.servers.model import running_model_server
from tests.servers.studio import StudioServer
from tests.studio import ASSISTANT, Chat, running_studio, shared_folder

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OWNER = "me"
ANSWER = "A sponge cake with jam for the eleven children; Ioana is allergic to peanuts, so check every label."
STRICT = 0.95
COMPARED = ("gap_filter", "budget", "archive")


@dataclass(frozen=True, slots=True)
class Seen:
    """The server's answers."""

    graph: Mapping[str, Any]
    steps: Sequence[Told]
    fork: Sequence[Told]


async def look(folder: Path, server: StudioServer) -> Seen:
    """Tell an agent something, ask it on the server, fork the turn; return the server's answers."""
    async with open_agent(Settings(data_folder=folder / "data", timezone="UTC")) as agent:
        episodes = [
            Episode(
                turn_id=f"told-{number}",
                owner=OWNER,
                thread=thread_id("pictures", OWNER),
                message=message,
                reply=reply,
                at=LAST - timedelta(days=3 * number),
            )
            for number, (message, reply) in enumerate(SAID, start=1)
        ]
        await agent.layers.episodes.append_many(episodes)
        await agent.layers.episodes.index(owner=OWNER)
    async with server.client() as client:
        chat = await Chat.begin(client)
        await chat.say(ASKED)
        steps = told(await chat.history())
        await chat.fork(await chat.before("gap_filter"), gap_threshold=STRICT)
        fork = told(await chat.history())
        graph: Any = await client.assistants.get_graph(ASSISTANT)
    return Seen(graph, steps, fork)


def told(history: Sequence[Any]) -> list[Told]:
    """Return the story of the latest branch, from the updates of each step."""
    found: dict[str, Told] = {}
    tasks = [task for step in history for task in reversed(step["tasks"])]
    for task in tasks:
        for lines in ((task["result"] or {}).get("story") or {}).values():
            found.setdefault(task["name"], Told(task["name"], lines[task["name"]]))
    return list(reversed(found.values()))


def pictures(seen: Seen, palette: Palette) -> dict[str, bytes]:
    """Return each picture by its name."""
    titles = (
        "One turn with two thresholds",
        "Original: threshold 0.50",
        f"Forked: threshold {STRICT:.2f}",
    )
    both = [[step for step in branch if step.node in COMPARED] for branch in (seen.steps, seen.fork)]
    return {
        "studio-graph": png(graph_figure(seen.graph, palette)),
        "studio-steps": png(steps_figure(seen.steps, "The steps of a turn and their stories", palette)),
        "studio-fork": png(fork_figure(both[0], both[1], titles, palette)),
    }


def main() -> None:
    """Run a server, and write each picture in each palette."""
    for name in [name for name in os.environ if name.startswith("GOAT_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as made, running_model_server() as model:
        (models := Path(made) / "models").mkdir()
        (place := Path(made) / "studio").mkdir()
        folder = shared_folder(place, models)
        model.reply(ANSWER)
        with running_studio(folder, model) as server:
            seen = asyncio.run(look(folder, server))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for palette in PALETTES:
        for name, picture in pictures(seen, palette).items():
            (IMAGES / f"{name}-{palette.name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
