"""A tool that reads a web page as Markdown."""

from typing import Annotated

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from graph.tools.plugins.download import download
from graph.tools.plugins.guarded_network import check_url
from graph.tools.plugins.page_markdown import page_markdown
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

CACHED_SECONDS = 300
_PAGES = ("text/html", "application/xhtml+xml", "")
_PLAIN = ("application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml")
DESCRIPTION = (
    "Read a web page or text file and return its text as Markdown with title, URL and date. Use it when the "
    "user gives a URL or the answer stands on a known page. Does not run JavaScript."
)


def build(services: PluginServices) -> list[BaseTool]:
    async def fetch_content(url: Annotated[str, "Full address: https://..."]) -> str:
        return await _fetch(services, url)

    return [
        StructuredTool.from_function(
            coroutine=fetch_content,
            name="fetch_content",
            description=DESCRIPTION,
            metadata=Traits(foreign=True, cached=CACHED_SECONDS).metadata(),
        )
    ]


async def _fetch(services: PluginServices, url: str) -> str:
    megabytes = services.settings.fetch_megabytes
    async with services.http() as client:
        page = await download(client, check_url(url), round(megabytes * 1_000_000))
    cut = "" if page.whole else f"\n\n(Only the first {megabytes:g} MB were read.)"
    if page.type in _PAGES:
        return await page_markdown(page.text, page.url) + cut
    if page.type.startswith("text/") or page.type in _PLAIN or page.type.endswith(("+json", "+xml")):
        return f"URL: {page.url}\n\n{page.text}{cut}"
    raise ToolException(f"{page.url} is {page.type[:80]}; only pages and text can be read.")
