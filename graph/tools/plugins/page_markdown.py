"""A web page's main text as Markdown, without menus and other surroundings."""

import asyncio


async def page_markdown(html: str, url: str) -> str:
    """Return title, URL, date and text of a page; runs in a thread because it is slow."""
    return await asyncio.to_thread(_markdown, html, url)


def _markdown(html: str, url: str) -> str:
    import trafilatura  # noqa: PLC0415 - slow to import

    about = trafilatura.extract_metadata(html, default_url=url)
    text = trafilatura.extract(
        html,
        url=url,
        output_format="markdown",
        include_links=True,
        include_formatting=True,
        include_tables=True,
        include_comments=False,
    )
    title, date = (about.title, about.date) if about else ("", "")
    head = [f"# {title}" if title else "", f"URL: {url}", f"Date: {date}" if date else ""]
    body = text or trafilatura.html2txt(html) or "(The page holds no text; it may need JavaScript.)"
    return "\n".join(line for line in head if line) + f"\n\n{_without_title(body, title or '')}"


def _without_title(body: str, title: str) -> str:
    first, _, rest = body.partition("\n")
    return rest.lstrip("\n") if title and first == f"# {title}" else body
