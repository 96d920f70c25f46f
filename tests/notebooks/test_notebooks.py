"""Every notebook runs top to bottom in a clean folder, offline, and gives the figures that it shows."""

from pathlib import Path

import nbformat
import pytest

from tests.notebooks.executing import copied, execute, isolate, notebooks
from tests.notebooks.outputs import clean, differences

pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for all, in order: what one notebook embeds, the next needs not embed again."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def copy(workplace: Path) -> Path:
    return copied(workplace)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
async def test_it_gives_the_figures_that_it_shows(
    path: Path,
    copy: Path,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patched:
        environment = dict[str, str]()
        isolate(environment, workplace / "home")
        for name, value in environment.items():
            patched.setenv(name, value)
        executed = await execute(copy / path.name)
    with capsys.disabled():
        print(f"\n{path.name}: {executed}")  # noqa: T201 - they have eight minutes in all
    assert executed.complaints == []
    committed = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    clean(executed.notebook)
    assert list(differences(committed, executed.notebook)) == [], "if this is meant: make notebooks-update"
