"""What the bot says: shipped texts, texts of the user's, and words that must stand as they are."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from telegramify_markdown import convert

import bot.telegram.texts
from bot.telegram.commands.job_commands import job_text
from bot.telegram.texts import FALLBACK, Texts, escape, inline_code, placeholders
from graph.delegation.job import Job, Status
from graph.delegation.state import Budget
from graph.explain.explanation import RULES
from memory.errors import ConfigError
from tests.tables import each

SHIPPED = Path(bot.telegram.texts.__file__).parent / "translations"
LANGUAGES = ("en", "ro")
HOSTILE = (
    "[x](http://evil)",
    "* _a_ **b** ~~c~~ ||d||",
    "`a` ``b`` ```c",
    "@someone /start #tag",
    "one\ntwo\r\n\n# three\n> four",
    "\u202egnp.exe \u2066x",
    "$a$ \\(b\\) \\[c\\] $$d$$",
    "<b>x</b> &amp; <tg://user?id=1>",
    "![x](http://evil)",
    "| a | b |",
    "\\(\\frac{`a`}{[x](http://evil)}\\)",
    "\\alpha\\[ \\)",
    "\\",
    "`",
    "\0a",
)
ALPHABET = [
    *"ab`*_[]()<>|\\$~#@!\n &;é😀",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\alpha",
    "||",
    "```",
    "$$",
    "http://e",
]
WORDS = st.lists(st.sampled_from(ALPHABET), max_size=30).map("".join)


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(None)


def shipped(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((SHIPPED / f"{language}.json").read_text(encoding="utf-8"))
    return found


def words(text: str) -> str:
    """Return `text` as one line, without marks that turn its order around or cannot be seen."""
    return " ".join("".join(c for c in text if c not in "\u202e\u2066\u2060\0").split())


class TestShipped:
    def test_both_languages_have_the_same_keys_in_the_same_order(self) -> None:
        assert list(shipped("en")) == list(shipped("ro"))

    @each("key", shipped("en"))
    def test_both_languages_have_the_same_placeholders(self, key: str) -> None:
        assert placeholders(shipped("ro")[key]) == placeholders(shipped("en")[key])

    @each("language", LANGUAGES)
    def test_no_key_stands_twice(self, language: str) -> None:
        pairs: list[tuple[str, str]] = json.loads(
            (SHIPPED / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=list
        )
        assert len(dict(pairs)) == len(pairs)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_text_is_sent_as_it_is_meant(self, texts: Texts, language: str) -> None:
        for key, text in shipped(language).items():
            said = texts(language, key, **dict.fromkeys(placeholders(text), "x"))
            shown, _ = convert(said)
            assert 0 < len(shown) < 4000, key
            assert not set(shown) & set("*`{}"), (key, shown)

    def test_every_rule_has_a_text(self) -> None:
        assert {key.removeprefix("rule_") for key in shipped("en") if key.startswith("rule_")} == set(RULES)

    def test_romanian_has_its_own_letters(self) -> None:
        together = "".join(shipped("ro").values())
        assert set("ășțîâ") <= set(together)
        assert not set("şţŞŢ") & set(together)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_menu(self, texts: Texts, language: str) -> None:
        commands = texts.commands(language)
        assert [name for name, _ in commands][:3] == ["start", "help", "why"]
        assert len(commands) == 19
        assert all(3 <= len(description) <= 60 for _, description in commands)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_help_names_every_command(self, texts: Texts, language: str) -> None:
        told = "".join(texts(language, key) for key in ("help", "help_buttons", "help_admin"))
        for name, _ in texts.commands(language):
            assert f"/{name}" in told or name in {"start", "help"}


def test_only_an_admin_reads_why_a_job_failed(texts: Texts) -> None:
    job = Job(
        job_id="a" * 32,
        owner="telegram-102",
        thread="1",
        task="oats",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        budget=Budget(calls=1, tools=1, seconds=1),
        status=Status.FAILED,
        reason="qwen at 10.0.0.7 cannot be reached",
    )
    say = partial(texts, "en")
    assert "10.0.0.7" not in job_text(job, say, detailed=False)
    assert "10&#46;0" in job_text(job, say, detailed=True)


class TestLanguages:
    @pytest.mark.parametrize("code", ["ro", "RO", "ro-RO", "ro_MD"])
    def test_a_regions_language_is_the_language(self, texts: Texts, code: str) -> None:
        assert texts(code, "forget_yes") == "Da, uită"

    @pytest.mark.parametrize("code", [None, "", "xx", "zh-hans", "-", "eng"])
    def test_what_is_not_spoken_is_said_in_english(self, texts: Texts, code: str | None) -> None:
        assert texts(code, "forget_yes") == "Yes, forget"

    def test_values_may_be_named_like_the_parameters(self, texts: Texts) -> None:
        assert texts("en", "remembered", key="boat") == "Noted: boat"

    def test_values_are_not_templates(self, texts: Texts) -> None:
        assert texts("en", "remembered", key="{key} {0} {") == "Noted: {key} {0} {"

    def test_an_unknown_key_is_a_mistake_of_the_program(self, texts: Texts) -> None:
        with pytest.raises(KeyError, match="nonsense"):
            texts("en", "nonsense")


class TestOfTheUser:
    def write(self, folder: Path, name: str, content: object) -> Texts:
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
        return Texts.load(folder)

    def test_a_language_is_added_and_may_have_gaps(self, tmp_path: Path) -> None:
        texts = self.write(tmp_path, "pt-BR.json", {"forget_yes": "Sim", "command_help": "Ajuda"})
        assert texts.languages == ["en", "pt-br", "ro"]
        assert texts("pt-BR", "forget_yes") == "Sim"
        assert texts("pt-BR", "forget_no") == "No, keep"
        assert ("help", "Ajuda") in texts.commands("pt-br")

    def test_a_text_is_replaced_and_the_others_stay(self, tmp_path: Path) -> None:
        texts = self.write(tmp_path, "ro.json", {"remembered": "Gata."})
        assert texts("ro", "remembered", key="x") == "Gata."
        assert texts("ro", "forget_yes") == "Da, uită"
        assert Texts.load(None)("ro", "remembered", key="x") == "Am notat: x"

    @pytest.mark.parametrize("name", [FALLBACK, "EN", "en_GB"])
    def test_english_may_be_replaced_too(self, tmp_path: Path, name: str) -> None:
        texts = self.write(tmp_path, f"{name}.json", {"forget_yes": "Aye"})
        assert texts(name, "forget_yes") == "Aye"

    def test_no_folder_and_other_files_say_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("x")
        assert Texts.load(tmp_path).languages == Texts.load(tmp_path / "missing").languages == ["en", "ro"]

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [
            ({"nonsense": "x"}, "nonsense: there is no text of this name"),
            ({"remembered": 3}, "remembered: must be a text"),
            ({"remembered": None}, "remembered: must be a text"),
            ({"remembered": " "}, "remembered: must be a text in quotes, and not empty"),
            ({"remembered": "{name}"}, r"remembered: has \{name\}, but may have \{key\}"),
            ({"new_thread": "{name}"}, r"new_thread: has \{name\}, but may have no placeholder"),
            ({"remembered": "{}"}, r"remembered: has \{\}"),
            ({"remembered": "{0}"}, r"remembered: has \{0\}"),
            ({"remembered": "{key.__class__}"}, r"remembered: has \{key.__class__\}"),
            ({"remembered": "{key!r}"}, r"remembered: has \{key!r\}"),
            ({"remembered": "{key:9999999999}"}, r"remembered: has \{key:9999999999\}"),
            ({"remembered": "{key"}, "remembered: .*brace"),
            ({"remembered": "key}"}, "remembered: .*brace"),
            ({"command_help": "x" * 257}, "command_help: must have at most 256"),
            (["remembered"], "must be one object"),
        ],
    )
    def test_a_broken_file_is_named_with_what_is_wrong(
        self, tmp_path: Path, content: object, wrong: str
    ) -> None:
        with pytest.raises(ConfigError, match=rf"de\.json: .*{wrong}|de\.json: {wrong}"):
            self.write(tmp_path, "de.json", content)

    @pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b""])
    def test_what_is_no_json_is_named(self, tmp_path: Path, raw: bytes) -> None:
        (tmp_path / "de.json").write_bytes(raw)
        with pytest.raises(ConfigError, match=r"de\.json: cannot be read as JSON"):
            Texts.load(tmp_path)

    def test_a_file_must_be_named_after_a_language(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"my texts\.json: name it after its language"):
            self.write(tmp_path, "my texts.json", {})


class TestVerbatim:
    @each("text", HOSTILE)
    def test_hostile_words_are_shown_as_they_stand(self, text: str) -> None:
        shown, entities = convert(f"before {inline_code(text)} after")
        assert words(shown) == f"before {words(text)} after"
        assert [entity.type for entity in entities] == ["code"]
        assert entities[0].offset == len("before ")
        assert entities[0].length == len(shown.encode("utf-16-le")) // 2 - len("before  after")

    @given(WORDS.filter(words), WORDS.filter(words))
    def test_any_words_are_shown_as_they_stand(self, one: str, other: str) -> None:
        shown, entities = convert(f"before\n{inline_code(one)}\n_between_ {inline_code(other)}\nafter")
        first, last = f"before\n{words(one)}\n", f"between {words(other)}\nafter"
        assert shown.replace("\u2060", "") == first + last
        assert [entity.type for entity in entities] == ["code", "italic", "code"]

    @each("text", HOSTILE)
    def test_escaped_words_are_plain(self, text: str) -> None:
        shown, entities = convert(f"before {escape(text)} after")
        assert shown == f"before {words(text)} after"
        assert entities == []
