"""`python -m tests.pictures.recording` records a turn, stepped through in LangChain's chat in a Chromium."""

import asyncio
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, ViewportSize

from graph.app import open_agent
from graph.settings.settings import Settings
from tests.clients.agent_chat import AgentChat, open_chat, running_page
from tests.clients.npm_packages import install
from tests.pictures.studio import ANSWER, IMAGES, OWNER
from tests.pictures.told import ASKED, archive_talk
from tests.scripted import in_turn
from tests.servers.model import ModelServer, Reply, running_model_server
from tests.servers.openai_format import ToolCall
from tests.servers.studio import StudioServer
from tests.studio import running_studio, shared_folder

FILE = IMAGES / "agent-chat.webp"
LARGEST = 1_000_000
"""Bytes."""
SIZE: ViewportSize = {"width": 900, "height": 720}
MESSAGE = f"{ASKED} And be brief from now on."
STORY = "Story"
STEPS = ("Prefetch", "Gap Filter", "Budget", "Assemble")
MOVED_MS = 700
"""Longer than the page's own animations."""
STYLE = """
  .group, .group div { max-width: 100%; min-width: 0; }
  .group .ml-6 { width: calc(100% - 1.5rem); }
  p { scroll-margin-top: 2rem; }
  div.flex-row:has(> span.font-normal) { flex-wrap: wrap; }
  div.flex-row > span.font-normal { display: none; }
"""
"""One line of a list below the other; the page puts them side by side, wider than the window."""
FIND = """(path) => {
  let found = document;
  for (const name of path)
    found = [...found.querySelectorAll("p.text-black")]
      .find((head) => new RegExp(`^${name}$`, "i").test(head.firstChild.textContent.trim())).parentElement;
  return found.parentElement;
}"""
"""Finds a value in the page's view of the state by the names on the way to it."""
TURN = "[0-9a-f ]{20,}"
"""A turn's id, as the page shows it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Pictures of a page, each with its duration."""

    page: Page
    pictures: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    async def add(self, milliseconds: int) -> None:
        """Add what the page shows when it has come to rest."""
        await self.page.wait_for_timeout(MOVED_MS)
        self.pictures.append(Image.open(io.BytesIO(await self.page.screenshot())).convert("RGB"))
        self.durations.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write the animation, which starts again at its end."""
        first, *rest = self.pictures
        first.save(
            path, save_all=True, append_images=rest, duration=self.durations, loop=0, lossless=True, method=6
        )


async def record(page_url: str, server: StudioServer, folder: Path, model: ModelServer) -> Recording:
    """Tell an agent something, ask it in the chat, step through the turn, and approve its call."""
    async with open_agent(Settings(data_folder=folder / "data", timezone="UTC")) as agent:
        await archive_talk(agent, OWNER)
    model.reply(in_turn(Reply("", (ToolCall("set_identity", {"text": "You are brief."}),)), ANSWER))
    async with open_chat(page_url, server) as chat:
        await chat.page.set_viewport_size(SIZE)
        recording = Recording(chat.page)
        await chat.page.get_by_placeholder("Type your message").fill(MESSAGE)
        await recording.add(1800)
        await chat.say(MESSAGE)
        await recording.add(2200)
        await step_through(chat, recording)
        await chat.press("Accept")
        await chat.shown(ANSWER).wait_for()
        await recording.add(3500)
        return recording


async def step_through(chat: AgentChat, recording: Recording) -> None:
    """Open the state, and in it the story of one node after the other."""
    await chat.button("State").click()
    await recording.add(1500)
    await chat.page.add_style_tag(content=STYLE)
    await unfold(chat.page, STORY)
    await unfold(chat.page, STORY, TURN)
    await recording.add(1500)
    for node in STEPS:
        await unfold(chat.page, STORY, TURN, node)
        await recording.add(3000)
        await unfold(chat.page, STORY, TURN, node)
    await chat.page.locator("button:has(svg.lucide-x)").last.evaluate("(button) => button.click()")


async def unfold(page: Page, *path: str) -> None:
    """Unfold a value, or fold it again, and bring the story to the top."""
    await page.evaluate(f"(path) => ({FIND})(path).querySelector('svg').parentElement.click()", path)
    await page.wait_for_timeout(MOVED_MS)
    await page.evaluate(f"(path) => ({FIND})(path).querySelector('p').scrollIntoView()", path[:1])


def main() -> None:
    """Run the server, the model and the page, and write the recording."""
    with tempfile.TemporaryDirectory() as made, running_model_server() as model:
        for name in ("models", "studio"):
            (Path(made) / name).mkdir()
        folder = shared_folder(Path(made) / "studio", Path(made) / "models")
        with (
            running_page(install().chat) as page_url,
            running_studio(folder, model, studio_origins=page_url) as server,
        ):
            recording = asyncio.run(record(page_url, server, folder, model))
    recording.save(FILE)
    if FILE.stat().st_size > LARGEST:
        raise SystemExit(f"{FILE} has {FILE.stat().st_size} bytes; it may have {LARGEST}.")


if __name__ == "__main__":
    main()
