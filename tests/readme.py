"""The parts of the README that are made from the code: the drawn graph and the table of settings.

`python -m tests.readme` writes them; a test holds the README against them.
"""

import re
from enum import Enum
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from graph.settings import PERSONA, Settings, allowed
from graph.studio_graph import graph

README = Path(__file__).parent.parent / "README.md"


def drawing() -> str:
    """Return the graph as Mermaid, as LangGraph draws it."""
    return f"```mermaid\n{graph().get_graph().draw_mermaid().strip()}\n```"


def settings_table() -> str:
    """Return one row for each setting."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(["| setting | default | what it is | allowed |", "|---|---|---|---|", *rows])


def parts() -> dict[str, str]:
    """Return each generated part under the name of its marks."""
    return {"graph": drawing(), "settings": settings_table()}


def between(text: str, name: str) -> str:
    """Return what stands between a part's marks."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", text, re.DOTALL)
    if found is None:
        raise ValueError(f"The README has no marks for {name!r}.")
    return found.group(1)


def main() -> None:
    """Write the generated parts into the README."""
    text = README.read_text("utf-8")
    for name, part in parts().items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{part}\n{end}{rest.split(end)[1]}"
    README.write_text(text, "utf-8")


def _row(name: str, field: FieldInfo) -> str:
    what = field.description or ""
    return f"| `{name}` | {_default(name, field)} | {what} | {allowed(field)} |"


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if name == "data_folder":
        return "the platform's"
    if value == PERSONA:
        return "GOAT's"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    return f"`{value}`" if value not in ("", None, {}) else ""


if __name__ == "__main__":
    main()
