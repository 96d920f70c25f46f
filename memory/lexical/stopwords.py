"""Words that say nothing about what a text is about, in English and in Romanian, folded."""

_ENGLISH = """
a an and are as at be been but by did do does dont didnt doesnt for from had has have he her hers him his i
if im in into is isnt it its ive me my of on or our ours she so such than that the their theirs them then
there these they this those to us was we were will with would you your yours
"""
_ENGLISH_QUESTIONS = "what which who whom whose when where why how"
_ROMANIAN_QUESTIONS = "ce cine cui cum cand unde care carui carei caror cat cata cati cate oare"
"""They ask for something else than what an answer says."""
_ROMANIAN = """
a ai al ale am ar are as asta au ca care ce cea cei cel cele cu da dar de din e ea ei el ele este eu fi fie
i ii il imi in intr isi iti l la le lui m ma mai mea mei mele meu mi n ne ni nici o ori pe pentru prin s sa
sau se si sunt t ta tai tale tau te ti ul ului un una unei unui va vi voi vom vor
"""
_MEANS_SOMETHING_IN_THE_OTHER = "an care cum or so as mine am ore din ca cat"
_BY_LANGUAGE = {
    "en": frozenset(f"{_ENGLISH} {_ENGLISH_QUESTIONS}".split()),
    "ro": frozenset(f"{_ROMANIAN} {_ROMANIAN_QUESTIONS}".split()),
}
_EITHER = frozenset().union(*_BY_LANGUAGE.values()) - frozenset(_MEANS_SOMETHING_IN_THE_OTHER.split())


def is_stop_word(language: str, folded: str) -> bool:
    """Tell whether a folded word says nothing in this language, or in either when it is another."""
    return folded in _BY_LANGUAGE.get(language, _EITHER)
