"""Terms: stemmed in the language of each sentence, with or without diacritics, and exact in FTS5."""

from concurrent.futures import ThreadPoolExecutor

from memory.lexical.analysis import MAX_TERM_CHARS, MAX_TERMS, query_terms, terms
from tests.linear import not_linear
from tests.tables import each

ROMANIAN = "Ieri am fost cu mașina la service și am plătit plăcuțele de frână."
ENGLISH = "Yesterday I took the car to the garage and they changed the brakes."


@each(
    ("text", "expected"),
    [
        ("", []),
        ("Caroline's dogs don’t bark", ["carolin", "dog", "bark"]),
        ("I'm Caroline, you'll see O'Brien", ["carolin", "see", "obrien"]),
        ("2023, 3.5 and 3,5 at 12:30", ["2023", "3_5", "3_5", "12_30"]),
        ("1,234.56 lei, 12.500 lei, 12500 lei", ["1234_56", "lei", "12500", "lei", "12500", "lei"]),
        ("on 15.05.2024 or 2024-05-15", ["15_05_2024", "2024", "2024", "05", "15", "20240515"]),
        ("v2.3.1", ["v2_3_1"]),
        ("my e-mail", ["mail", "email"]),
        ("start-up", ["start", "up", "startup"]),
        ("spune-mi l-am", ["spun"]),
        ("memory_status __init__", ["memori", "status", "memorystatus", "init"]),
        ("the café's m² ﬁle", ["cafe", "m2", "file"]),
        ("Café cafe\u0301 CAFÉ", ["cafe", "cafe", "cafe"]),
        ("who was it, and where and why?", []),
        ("cine și unde, când, de ce?", []),
        ("to be or not to be", ["not"]),
        ("🎉 \x00 \ud800 ... ---", []),
        ("\u0301", []),
        ("Zalgo" + "\u0315\u0300" * 100_000, ["zalgo"]),
    ],
)
def test_a_document_has_these_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@each(
    "words",
    [
        "mașina masina maşina mașinii masinii mașini", "pisica pisică pisicii pisici",
        "săpun sapun săpunul săpunului sapunuri", "orașul orasul orașului orasului",
        "prieten prietenul prietenii prietenilor", "țară tara țări tarii țările",
        "lucrează lucreaza lucrând lucrand lucrez", "vorbește vorbeste vorbești vorbesc",
        "locuiește locuieste locuiesc", "călătorie calatorie călătoria calatoria",
        "națiune natiune națiunea natiunii națiunilor",
    ],
)  # fmt: skip
def test_romanian_forms_share_a_term(words: str) -> None:
    (first, *_) = query_terms(words.split(maxsplit=1)[0])
    for word in words.split():
        (term,) = terms(f"{ROMANIAN[:-1]} {word}")[-1:]
        assert term in first, word


def test_romanian_reads_the_same_without_diacritics() -> None:
    plain = ROMANIAN.translate(str.maketrans("ășțâîȘ", "astaiS"))
    cedilla = ROMANIAN.replace("ș", "ş").replace("ț", "ţ")
    assert terms(ROMANIAN) == terms(plain) == terms(cedilla)
    assert terms(ROMANIAN) == ["ier", "fost", "masin", "servic", "platit", "placut", "fran"]


def test_each_sentence_is_stemmed_in_its_language() -> None:
    found = terms(f"{ROMANIAN}\n{ENGLISH} Les voitures étaient très chères et mes amies les regardaient.")
    assert {"masin", "garag", "brake", "voitur", "cher"} <= set(found)


@each(
    ("text", "query"),
    [
        ("Мы купили новые книги в магазине", "новая книга"),
        ("Wir haben gestern die neuen Häuser gesehen und fotografiert", "Häuser"),
        ("Τα παιδιά παίζουν στους δρόμους της πόλης", "δρόμους"),
        ("हमने किताबें खरीदीं", "किताबें"),
        ("הלכתי לבית הספר", "הספר"),
        ("ذهبت إلى المدرسة", "المَدرسة"),
        ("黒猫が好きです", "猫"),
        ("黒猫が好きです", "黒猫"),
        ("我昨天去了北京大学", "北京"),
        ("오늘 학교에 갔다", "학교"),
        ("ฉันชอบแมว", "แมว"),
        ("iPhone手机很好", "iphone 手机"),
        ("İstanbul güzel bir şehir", "istanbul"),
    ],
)
def test_any_script_is_found(text: str, query: str) -> None:
    found = set(terms(text))
    assert query_terms(query)
    assert all(found & set(word) for word in query_terms(query))


@each(
    ("query", "expected"),
    [
        ("", []),
        ("the and of", []),
        ("ce este asta", []),
        ("cats cats", [("cat", "cats")]),
        ("who is Caroline", [("carolin", "caroline")]),
        ("cine e Caroline", [("carolin", "caroline")]),
        ("pisicii", [("pisicii", "pisic")]),
        ("my e-mail", [("mail",), ("email",)]),
        ("北京大学", [("北京",), ("京大",), ("大学",)]),
    ],
)
def test_a_query_lists_each_word_with_what_it_may_stand_as(
    query: str, expected: list[tuple[str, ...]]
) -> None:
    assert [set(word) for word in query_terms(query)] == [set(word) for word in expected]


def test_a_huge_text_is_bounded_in_time_and_size() -> None:
    pieces = ["a", "the ", "dog. ", "ș", "猫", "a-", "1.", "x'", "_", "e\u0301", "ab\n", "\u0301"]
    assert not_linear(terms, pieces) == []
    found = terms("dog. a " * MAX_TERMS + "x" * 1000)
    assert len(found) == MAX_TERMS
    assert all(len(term) <= MAX_TERM_CHARS for term in terms("x" * 1000))


def test_threads_get_the_same_terms() -> None:
    texts = [f"{ROMANIAN} {ENGLISH} words{n}ing mașinile{n}le" for n in range(400)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(terms, texts)) == [terms(text) for text in texts]


@each("text", ["cat", "grey cat", "cat food"])
def test_an_english_word_that_romanian_has_too_is_not_lost(text: str) -> None:
    assert len(query_terms(text)) == len(terms(text)) == len(text.split())
