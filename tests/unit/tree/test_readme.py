"""README.md, CONTRIBUTING.md and docs/ say what the code does, and name what exists."""

import re
from pathlib import Path

from memory.recall.mechanisms import MECHANISMS
from tests.code_map import LIFE, packages, summary
from tests.readme import DOCS, PARTS, README, between
from tests.tables import each
from tests.turn_trace import PRODUCT, ROOT

PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "tests" / "README.md", *sorted(DOCS.glob("*.md"))]
FOLDERS = (*PRODUCT, "tests", "docs", "notebooks", "deploy", "requirements")
MOST_LINES, MOST_COLUMNS = 130, 126


@each("name", sorted(PARTS))
def test_generated_parts_are_what_the_code_makes(name: str) -> None:
    file, make = PARTS[name]
    assert between(file.read_text("utf-8"), name) == make(), "run `make readme`"


def test_the_two_commands_come_first() -> None:
    commands = re.findall(r"^\$ make (\w+)", README.read_text("utf-8"), re.MULTILINE)
    assert commands[:2] == ["chat", "test"]


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= MOST_LINES


@each("page", PAGES)
def test_lines_are_short_outside_tables(page: Path) -> None:
    long = [line for line in page.read_text("utf-8").splitlines() if len(line) > MOST_COLUMNS]
    assert not [line for line in long if not line.lstrip().startswith(("|", "<img"))]


@each("page", PAGES)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    targets += re.findall(r"^EXTRAS := (.*)$", makefile, re.MULTILINE)[0].split()
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text("utf-8"))) <= set(targets)


@each("page", PAGES)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", page.read_text("utf-8"))
    assert not [path for path in named if not (ROOT / path).exists()]


@each("page", PAGES)
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for link in (one or other for one, other in links):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in _anchors(target), link


def test_the_scan_finds_files_and_links() -> None:
    assert len(PAGES) > 10
    assert len(re.findall(r"`tests/[\w./-]+`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))) > 5


def test_mechanisms_are_told_apart_only_in_the_files_of_their_recipe() -> None:
    recipe = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("### A retrieval mechanism")[2]
    named = set(re.findall(r"^\| `([\w./]+)`", recipe.partition("###")[0], re.MULTILINE))
    fields = "|".join(one.field for one in MECHANISMS)
    one_of_them = re.compile(rf"\bMechanism\.(?!THEMATIC)[A-Z]|\.(?:{fields})\b|\"(?:{fields})\"")
    files = [file for top in PRODUCT for file in (ROOT / top).rglob("*.py")]
    found = {str(file.relative_to(ROOT)) for file in files if one_of_them.search(file.read_text("utf-8"))}
    assert "memory/recall/mechanisms.py" in found <= named


@each("package", packages())
def test_every_package_says_what_it_contains(package: Path) -> None:
    assert summary(package / "__init__.py"), f"{package}: write a docstring, then run `make readme`"


def test_the_life_of_a_turn_fits_on_a_screen() -> None:
    assert len(LIFE) == len(set(LIFE)) <= 30


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
