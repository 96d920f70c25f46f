"""What takes its time in proportion is told from what does not."""

from tests.linear import not_linear


def every_beginning(text: str) -> list[str]:
    return [char for end in range(len(text)) for char in text[:end]]


def test_what_takes_the_square_of_its_length_is_named() -> None:
    assert not_linear(every_beginning, ["a"], length=4_000, soon=0.0) == ["a"]
    assert not_linear(str.upper, ["a", "bc"]) == []
