"""`python -m tests.pictures.studio` writes the pictures of docs/studio.md, from a server that it runs."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.pictures.canvas import png
from bot.pictures.picture_values import PALETTES, Palette
from graph.app import open_agent
from graph.settings.settings import Settings
from tests.pictures.studio_drawing import Told, fork_figure, steps_figure
from tests.pictures.told import ASKED, archive_talk
from tests.servers.model import running_model_server
from tests.servers.studio import StudioServer
from tests.studio import Chat, running_studio, shared_folder

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OWNER = "me"
ANSWER = "A sponge cake with jam for the eleven children; Ioana is allergic to peanuts, so check every label."
STRICT = 0.95
COMPARED = ("gap_filter", "budget", "archive")


async def look(folder: Path, server: StudioServer) -> tuple[list[Told], list[Told]]:
    """Tell an agent something, ask it on the server, fork the turn; return the stories of both."""
    async with open_agent(Settings(data_folder=folder / "data", timezone="UTC")) as agent:
        await archive_talk(agent, OWNER)
    async with server.client() as client:
        chat = await Chat.begin(client)
        await chat.say(ASKED)
        steps = told(await chat.history())
        await chat.fork(await chat.before("gap_filter"), gap_threshold=STRICT)
        return steps, told(await chat.history())


def told(history: Sequence[Any]) -> list[Told]:
    """Return the story of the latest branch, from the updates of each step."""
    found: dict[str, Told] = {}
    tasks = [task for step in history for task in reversed(step["tasks"])]
    for task in tasks:
        for lines in ((task["result"] or {}).get("story") or {}).values():
            found.setdefault(task["name"], Told(task["name"], lines[task["name"]]))
    return list(reversed(found.values()))


def pictures(steps: Sequence[Told], fork: Sequence[Told], palette: Palette) -> dict[str, bytes]:
    """Return each picture by its name."""
    titles = ("One turn with two thresholds", "Original: threshold 0.50", f"Forked: threshold {STRICT:.2f}")
    both = [[step for step in branch if step.node in COMPARED] for branch in (steps, fork)]
    return {
        "studio-steps": png(steps_figure(steps, "The steps of a turn and their stories", palette)),
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
            steps, fork = asyncio.run(look(folder, server))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for palette in PALETTES:
        for name, picture in pictures(steps, fork, palette).items():
            (IMAGES / f"{name}-{palette.name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
