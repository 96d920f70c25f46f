"""Structural keys: what is one, how it is written, what only looks like one; hostile text in linear time."""

from memory.lexical.structural_keys import MAX_KEY_CHARS, MAX_KEYS, find_keys
from tests.linear import not_linear
from tests.tables import each

UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@each(
    ("text", "expected"),
    [
        (UUID.upper(), [UUID]),
        (f"{{{UUID}}} and urn:uuid:{UUID.upper()}", [UUID]),
        (f"ask agent-{UUID} about it", [f"agent-{UUID}", UUID]),
        ("in turn_01HXY and turn_9f-2.", ["turn_01HXY", "turn_9f-2"]),
        ("fix ABC-123, (GOAT-42)!", ["ABC-123", "GOAT-42"]),
        ("GOAT\u201142's branch feature/GOAT-43-fix", ["GOAT-42", "GOAT-43"]),
        ("COVID-19 and CVE-2024-3094", ["COVID-19", "CVE-2024-3094"]),
        ("see /etc/hosts.", ["/etc/hosts"]),
        (r"open C:\Users\Ana, or c:/users/ana", [r"c:\users\ana"]),
        (r"\\srv\share\Plan.docx", [r"\\srv\share\plan.docx"]),
        ("./src/main.py is src/main.py", ["src/main.py"]),
        ("src/app/main.py:42:7 failed", ["src/app/main.py"]),
        ("log:/var/log/syslog ~/notes ../up ./run", ["/var/log/syslog", "~/notes", "../up", "./run"]),
        ("Ana.Pop@Example.COM, <b+c@mail.example.org>.", ["ana.pop@example.com", "b+c@mail.example.org"]),
        ("(HTTPS://Example.COM/Path/).", ["https://example.com/Path"]),
        ("https://en.wikipedia.org/wiki/X_(y)", ["https://en.wikipedia.org/wiki/X_(y)"]),
        ("http://ana:secret@host:80/?q=a@b#Part", ["http://host:80/?q=a@b#Part"]),
        ("https://jira.example.com/browse/ABC-9", ["https://jira.example.com/browse/ABC-9", "ABC-9"]),
        ("md5 D41D8CD98F00B204E9800998ECF8427E", ["d41d8cd98f00b204e9800998ecf8427e"]),
        ("commit a1b2c3d", ["a1b2c3d"]),
        ("10.0.0.1:6379 and 192.168.1.1.", ["10.0.0.1", "192.168.1.1"]),
        ("ABC-1 ABC-2 ABC-1", ["ABC-1", "ABC-2"]),
        ("RO49 AAAA 1B31 0075 9384 0000, RO49AAAA1B31007593840000", ["RO49AAAA1B31007593840000"]),
        ("ISBN 978-0-306-40615-7 is 9780306406157", ["isbn 9780306406157"]),
        ("+40 722 123 456, 0722-123-456, 0722.123.456, 0040722123456", ["722123456"]),
        ("07900 900 614, 06 12 34 56 78, (720) 555-0164", ["900900614", "612345678", "205550164"]),
        ("B 123 ABC, AB12 CDE, 151-C-20884, 1234 BCD", ["B123ABC", "AB12CDE", "151C20884", "1234BCD"]),
        ("new in 2023 0722 123 456", ["722123456"]),
        ("2024CRM, 2124 CRM", ["2024CRM", "2124CRM"]),
        ("bus 14 at 7:05 to room 12. Zborul 391, poarta 7", ["bus 14", "room 12", "zborul 391", "poarta 7"]),
        ("#1234 is issue 7 again", ["#1234", "issue 7"]),
        ("stau la apartamentul 14, apartament 14 din bloc 3", ["aparta 14", "bloc 3"]),
        ("invoice no. 88412, contract nr 4402?", ["invoic 88412", "contra 4402"]),
    ],
)
def test_a_key_is_found_and_normalised(text: str, expected: list[str]) -> None:
    assert find_keys(text) == expected


@each(
    "text",
    [
        "",
        "at 10, in 2024, version 2.3.1, v1.2.3.4, at 12:30",
        "24/7, 24/7/365, and/or, he/she, yes/no/maybe, km/h, 1/2, 3.5/4.5",
        "2024-05-15, 15.05.2024, 15-MAY-2024, MAY-2024",
        "at 0722, of 12345, 0.722.123, 1,234,567.89, 12.345.678",
        "bought 3 apples, have 2 cats, on May 14, ora 10, luni 5, I turned 41, costs 20 and 30",
        "in 2024 CRM launched, 2025 NFL, 1999-BBC",
        "2023 05 12 1200 11, 05.12.2023 12.00, 05 12 2023 1200 11",
        "weighs 80, ran 10, python 3, day 1, top 10, page 5, drop 10, am comandat 40, ISO 100",
        "in summer 2024, issue 7%, room 12:30, doza 20 mg, page 3.5, #tag, &#1234;",
        "non-stop, X-ray, e-mail, A-1, T-1000, goat-42, ABC-12-34",
        "UTF-8, SHA-256, ISO-8601, GPT-4",
        "/start, /help, turn_on, turn_off, agent-smith",
        "deadbeef, defaced, 1234567, 300.1.1.1",
        "name@, @name, a@b, https://, ://x",
        "când și unde, 日本語, 👩‍🚀, \x00\ud800",
    ],
)
def test_what_only_looks_like_a_key_is_none(text: str) -> None:
    assert find_keys(text) == []


def test_a_long_key_stands_as_its_hash() -> None:
    (key,) = find_keys("https://example.com/" + "a" * 1_000)
    (other,) = find_keys("https://example.com/" + "a" * 1_001)
    assert key.startswith("sha256:")
    assert len(key) <= MAX_KEY_CHARS
    assert key != other


def test_the_number_of_keys_is_bounded() -> None:
    assert find_keys(" ".join(f"GOAT-{n}" for n in range(1_000))) == [f"GOAT-{n}" for n in range(MAX_KEYS)]


def test_hostile_text_takes_linear_time() -> None:
    pieces = ["a", "1", "f", "/", "\\", "@", ":", "_", "-", "é", "\ud800"]
    pieces += ["a/", "a@", "a.", "A-", "a-", "./", "~/", "1f", "a+", ":/a", "C:\\", "ab:/", "turn_", "agent-"]
    pieces += ["0 ", "+0", "abc 1 ", "AB1 ", "RO49 ", "#1", "no. ", "978-"]
    pieces += ["http://", "http://)", "12345678-", "AB-1-", "z.z@", "x@a.", "(.).", ").]", "1.1.1.1."]
    assert not_linear(find_keys, pieces) == []
    assert not_linear(find_keys, ["a", ")", "(.).", "@", "é"], head="http://") == []
