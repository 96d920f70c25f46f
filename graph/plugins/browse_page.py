"""Read a page of the web in a browser, for what scripts write there, and send a picture of it.

In a private turn no picture is taken: files for the chat stay for a day.
"""

import asyncio
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graph.tools.caller import caller
from graph.tools.plugins.browser import Browser, Seen
from graph.tools.plugins.guarded_network import check_url
from graph.tools.plugins.page_markdown import page_markdown
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

SPARE_SECONDS = 15.0
PARTS = 10
"""How many times a page's limit its parts may have together: scripts, pictures, fonts."""
DESCRIPTION = (
    "Open a web page in a real browser, run its JavaScript, return its text as Markdown and send the user a "
    "screenshot. Slow: use fetch_content first, and this where that finds no text or a picture is wanted."
)


def build(services: PluginServices) -> list[BaseTool]:
    """Return `browse_page`."""
    seconds = services.settings.browser_timeout

    async def browse_page(
        url: Annotated[str, "Full address: https://..."],
        config: RunnableConfig,
        wait_for: Annotated[
            str, Field(max_length=500, description="CSS selector of an element to wait for; may be empty")
        ] = "",
    ) -> tuple[str, str]:
        settings = services.settings
        browser = Browser(
            path=settings.browser_path,
            private=settings.fetch_private,
            seconds=seconds,
            most_bytes=round(settings.fetch_megabytes * PARTS * 1_000_000),
        )
        kept = not caller(config).turn.private
        picture = await asyncio.to_thread(services.artifact, "page.png") if kept else None
        seen = await browser.look(str(check_url(url)), picture, wait_for)
        return await page_markdown(seen.html, seen.url) + _notes(seen, wait_for), str(picture or "")

    return [
        StructuredTool.from_function(
            coroutine=browse_page,
            name="browse_page",
            description=DESCRIPTION,
            response_format="content_and_artifact",
            metadata=Traits(foreign=True, seconds=seconds + SPARE_SECONDS, priority=9).metadata(),
        )
    ]


def _notes(seen: Seen, wait_for: str) -> str:
    notes = [f"({wait_for} did not come.)"] if seen.waited_in_vain else []
    if seen.refused:
        notes.append(f"(Left out: {len(seen.refused)} parts from places that may not be reached.)")
    return "".join(f"\n\n{note}" for note in notes)
