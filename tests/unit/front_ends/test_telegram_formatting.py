"""Markdown as Telegram shows it."""

from bot.telegram.outbox.message_format import FormattedText, pieces, preview, utf16_length
from tests.linear import not_linear
from tests.tables import each

FENCE = "```"


def shown(markdown: str) -> FormattedText:
    (piece,) = pieces(markdown)
    return piece


def marked(piece: FormattedText) -> list[tuple[str, str]]:
    """Return each entity's type and text."""
    units = piece.text.encode("utf-16-le")
    return [
        (str(e.type), units[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le"))
        for e in piece.entities
    ]


@each(
    ("markdown", "text", "marks"),
    [
        ("**a** and *b*", "a and b", [("bold", "a"), ("italic", "b")]),
        ("😀 **Ioana 😀** x", "😀 Ioana 😀 x", [("bold", "Ioana 😀")]),
        ("# Plan\nstep", "Plan\nstep", [("underline", "Plan"), ("bold", "Plan")]),
        ("- a\n- b", "• a\n• b", []),
        ("> a\n> > b", "a\nb", [("blockquote", "a\nb")]),
        ("[site](https://a.b)", "site", [("text_link", "site")]),
        ("[file](src/a.py)", "file", []),
        ("[x](javascript:alert(1))", "x", []),
        ("~~no~~ ||secret||", "no secret", [("strikethrough", "no"), ("spoiler", "secret")]),
        ("**unfinished", "**unfinished", []),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n--+--\n1 | 2", [("pre", "a | b\n--+--\n1 | 2")]),
        (r"x is \(\alpha\)", "x is α", [("code", "α")]),
        (r"\[\frac{a}{b}\]", "a/b", [("pre", "a/b")]),
        ("it costs $5 and $6", "it costs $5 and $6", []),
    ],
)
def test_markdown_becomes_text_and_entities(markdown: str, text: str, marks: list[tuple[str, str]]) -> None:
    piece = shown(markdown)
    assert piece.text == text
    assert sorted(marked(piece)) == sorted(marks)


@each(
    ("markdown", "text"),
    [
        ("run git clone <url> here", "run git clone <url> here"),
        ("<div>hello</div>", "<div>hello</div>"),
        ("before\n\n<!-- note -->\n\nafter", "before\n\n<!-- note -->\n\nafter"),
        ("List<String> and a < b", "List<String> and a < b"),
        ("one<br>two", "one\ntwo"),
        ("<b>x</b>", "x"),
        ("| a<br>b | <id> |\n|---|---|\n| 1 | 2 |", "a b | <id>\n----+-----\n1   | 2   "),
    ],
)
def test_html_is_not_swallowed(markdown: str, text: str) -> None:
    assert shown(markdown).text == text.rstrip()


def test_code_is_left_alone() -> None:
    code = "a = '<b>' # \\(\\alpha\\) ||x|| <!-- -->"
    piece = shown(f"{FENCE}python\n{code}\n{FENCE}")
    assert marked(piece) == [("pre", code)]
    assert piece.entities[0].language == "python"
    assert marked(shown("see `\\(\\beta\\) <p>`")) == [("code", "\\(\\beta\\) <p>")]


def test_an_unfinished_fence_is_code_already() -> None:
    assert marked(shown(f"Here:\n\n{FENCE}py\nprint(1")) == [("pre", "print(1")]
    assert preview(f"Here:\n\n{FENCE}py").text == "Here:"


@each("nothing", ["", " \n\t ", "\0", "\u200b\u2060", "\u2800"])
def test_nothing_to_be_seen_gives_nothing(nothing: str) -> None:
    assert pieces(nothing) == []
    assert preview(nothing) == FormattedText("", ())


@each("odd", [FENCE, f"{FENCE}py", "[a]: http://b", "&nbsp;"])
def test_what_would_vanish_stays_as_written(odd: str) -> None:
    assert pieces(odd) == [FormattedText(odd, ())]


def test_what_telegram_refuses_is_taken_out() -> None:
    assert shown("a\0b\x07c\r\nd \ud800").text == "abc\nd \ufffd"


def test_a_long_text_is_cut_at_a_paragraph_then_a_line_then_a_word() -> None:
    paragraphs = "\n\n".join(["word " * 11 + "end"] * 3)
    assert [piece.text for piece in pieces(paragraphs, 130)] == [
        paragraphs[: paragraphs.rindex("\n\n")],
        "word " * 11 + "end",
    ]
    lines = "\n".join(["one two three"] * 4)
    assert [piece.text for piece in pieces(lines, 30)] == ["one two three\none two three"] * 2
    assert [piece.text for piece in pieces("alpha beta gamma delta", 12)] == ["alpha beta", "gamma delta"]
    assert [piece.text for piece in pieces("x" * 25, 10)] == ["x" * 10, "x" * 10, "x" * 5]


def test_code_that_is_cut_stays_code_with_its_language_and_indentation() -> None:
    code = "\n".join(f"    line {i}" for i in range(40))
    cut = pieces(f"Look:\n\n{FENCE}python\n{code}\n{FENCE}\n\nDone.", 120)
    blocks = [text for piece in cut for kind, text in marked(piece) if kind == "pre"]
    assert "\n".join(blocks) == code
    assert {e.language for piece in cut for e in piece.entities} == {"python"}
    assert all(utf16_length(piece.text) <= 120 for piece in cut)


def test_a_block_of_code_that_fits_is_not_cut() -> None:
    code = "\n\n".join(f"def f{i}(): ..." for i in range(5))
    first, second = pieces(f"{'words ' * 10}\n\n{FENCE}py\n{code}\n{FENCE}", 120)
    assert first.text == ("words " * 10).rstrip()
    assert marked(second) == [("pre", code)]


@each("character", ["👨‍👩‍👧‍👦", "👍🏽", "🇷🇴", "e\u0301", "❤\ufe0f"])
def test_no_character_is_cut_in_two(character: str) -> None:
    cut = pieces(character * 60, 32)
    assert len(cut) > 1
    assert all(piece.text.replace(character, "") == "" for piece in cut if character != "🇷🇴")
    assert "".join(piece.text for piece in cut) == character * 60


def test_a_mark_across_a_cut_goes_on() -> None:
    assert [marked(piece) for piece in pieces(f"**{'bold ' * 6}end**", 16)] == [
        [("bold", "bold bold bold")],
        [("bold", "bold bold bold")],
        [("bold", "end")],
    ]


def test_a_preview_shows_all_or_the_end() -> None:
    assert preview("**a** b") == shown("**a** b")
    markdown = "\n".join(f"line **{i}**" for i in range(100))
    tail = preview(markdown, 60)
    assert tail.text.startswith("…line ")
    assert tail.text.endswith("line 99")
    assert utf16_length(tail.text) <= 60
    assert {kind for kind, _ in marked(tail)} == {"bold"}
    assert marked(tail)[-1] == ("bold", "99")


def test_a_model_that_repeats_itself_as_lists_in_lists_does_not_flood_the_chat() -> None:
    for item in ("1. ", "* 1. ", "- + "):
        assert len(pieces(item * 1_000)) <= 2, item


def test_hostile_text_takes_linear_time() -> None:
    tokens = ["$", "\\(", "\\[", "||", "**a", "> ", "<", "[", "a\n\n", f"{FENCE}\n", "😀"]
    assert not_linear(pieces, tokens, length=8_000) == []
    for token in tokens:
        assert all(utf16_length(piece.text) <= 4096 for piece in pieces(token * 3_000)), token
