"""The user's own file, changed in place: nothing else is touched, and nobody else can read it."""

import stat
from pathlib import Path

import pytest

from bot.setup.user_config import Value, edit, write
from graph.settings.sources import user_file
from memory.errors import ConfigError


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("text", "values", "then"),
    [
        (
            "# top\n[gap]\nrule = 'null' # why\n",
            {"model": "m"},
            "# top\nmodel = \"m\"\n\n[gap]\nrule = 'null' # why\n",
        ),
        ("model = 'a' # mine\nowner = 'x'\n", {"model": "b"}, "model = \"b\" # mine\nowner = 'x'\n"),
        ("[telegram]\ntoken = 'a'\n", {"telegram_token": "b"}, '[telegram]\ntoken = "b"\n'),
        ("model_api_key = 'a'\nowner = 'x'\n", {"model_api_key": None}, "owner = 'x'\n"),
        ("owner = 'x'\r\n", {"model": None}, "owner = 'x'\r\n"),
    ],
)
def test_a_value_is_written_where_it_stands(text: str, values: dict[str, Value], then: str) -> None:
    assert edit(text, values) == then


@pytest.mark.parametrize("text", ["[model]\ntimeout = 3\n", "model = ", "model = 1\nmodel = 2"])
def test_what_cannot_be_edited_with_certainty_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"goat\.toml"):
        edit(text, {"model": "m"})


def test_the_file_is_its_owners_alone_whatever_it_was() -> None:
    path = write({"model_api_key": "secret"})
    assert path == user_file().resolve()
    path.chmod(0o644)
    write({"model": "m"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert 'model_api_key = "secret"\nmodel = "m"\n' in path.read_text(encoding="utf-8")


def test_a_file_with_a_byte_order_mark_can_be_edited() -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("owner = 'x'\n", encoding="utf-8-sig")
    write({"model": "m"})
    assert user_file().read_text(encoding="utf-8") == "owner = 'x'\nmodel = \"m\"\n"


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("owner = 'x'\n", encoding="utf-8")
    user_file().parent.mkdir(parents=True)
    user_file().symlink_to(kept)
    write({"model": "m"})
    assert user_file().is_symlink()
    assert kept.read_text(encoding="utf-8") == "owner = 'x'\nmodel = \"m\"\n"
