"""A tool that opens a web page in a browser, runs its scripts, and sends its text and a screenshot.

In a private turn it takes no screenshot, because files for the chat are stored for a day.
"""

import asyncio
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graph.tools.caller import caller
from graph.tools.plugins.browser import Browser, BrowserPage
from graph.tools.plugins.guarded_network import check_url
from graph.tools.plugins.page_markdown import page_markdown
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

SPARE_SECONDS = 15.0
PARTS = 10
"""Limit on scripts, pictures and fonts together, as a multiple of the page's limit."""
DESCRIPTION = (
    "Open a web page in a real browser, run its JavaScript, return its text as Markdown and send the user a "
    "screenshot. Slow: use fetch_content first, and this where that finds no text or a picture is wanted."
)


def build(services: PluginServices) -> list[BaseTool]:
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
        page = await browser.look(str(check_url(url)), picture, wait_for)
        return await page_markdown(page.html, page.url) + _notes(page, wait_for), str(picture or "")

    return [
        StructuredTool.from_function(
            coroutine=browse_page,
            name="browse_page",
            description=DESCRIPTION,
            response_format="content_and_artifact",
            metadata=Traits(foreign=True, seconds=seconds + SPARE_SECONDS, priority=9).metadata(),
        )
    ]


def _notes(page: BrowserPage, wait_for: str) -> str:
    notes = [f"({wait_for} did not come.)"] if page.wait_failed else []
    if page.refused:
        notes.append(f"(Left out: {len(page.refused)} parts from places that may not be reached.)")
    return "".join(f"\n\n{note}" for note in notes)
