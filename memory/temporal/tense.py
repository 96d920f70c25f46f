"""The tense of a sentence around a time, by the nearest cue.

The nearest cue before the time in its clause decides; without one, the first cue after it.
"""

import re
from enum import StrEnum

from memory.temporal.time_words import Language
from memory.text.text import LazyPattern


class Tense(StrEnum):
    PAST = "past"
    OTHER = "other"
    UNSAID = "unsaid"


_EN_IRREGULAR = """
was were had did said told talked spoke went ate bought saw met wrote sent gave made came got felt thought
found read heard knew took left lost won paid spent slept drank drove flew began chose built brought taught
kept put set ran forgot understood broke wore cooked
"""
_EN_PARTICIPLES = "been gone eaten seen written given spoken chosen taken forgotten done known drunk"
_EN_VERB = rf"(?:[a-z]{{2,}}ed|{'|'.join(_EN_IRREGULAR.split())})"
_EN_DONE = rf"(?:[a-z]{{2,}}ed|{'|'.join((_EN_IRREGULAR + _EN_PARTICIPLES).split())})"
_EN_WHO = r"(?:i|you|we|he|she|it|they|who|that|which|what|there|someone|somebody|everyone)"
_EN_ADVERB = r"(?:(?:also|just|already|both|all|first|never|even|actually|really|only|once|[a-z]+ly)\ )?"
_EN_RECORD = r"""(?:conversations?|chats?|talks?|discussions?|messages?|notes?|memory|memories|summary|recap
    |photos?|pictures?|transcripts?|logs?|dinner|party|trip|meeting|call)"""
_EN_TALK = r"(?:conversation|chat|talk|discussion)"
_EN_ORDER = r"""(?:asked|told|invited|wanted|needed|agreed|promised|planned|decided|expected|scheduled|meant
    |hoped)(?:\ [a-z]+)?\ to\b"""
_EN_PAST = rf"""
    \b(?:did|didn't)\b(?:\ [a-z]+){{0,2}}\b | \b(?:was|were|wasn't|weren't)\b | \bhad\b(?!\ (?:to|better)\b)
    | \b{_EN_WHO}\ (?!did)(?!{_EN_ORDER}){_EN_ADVERB}{_EN_VERB}\b
    | \b(?:have|has|haven't|hasn't)\ {_EN_WHO}\ {_EN_ADVERB}{_EN_DONE}\b
    | (?:\b{_EN_WHO}\ (?:have|has)|\w've|\b(?:he|she|it)'s)\ (?!got\b){_EN_ADVERB}{_EN_DONE}\b
    | \bremember\ (?:when|what|that|how|who|our|the|my|telling|talking)\b | \bremember\b(?=\s*[,?])
    | \b{_EN_RECORD}\ (?:we\ had\ )?from\b | \b(?:our|that)\ {_EN_TALK}\ $ | ^'s\ {_EN_TALK}\b
"""
_EN_NO_NOUN = r"""(?<!\bthe\ )(?<!\ba\ )(?<!\bmy\ )(?<!\bour\ )(?<!\byour\ )(?<!\bthat\ )
    (?<!\bthis\ )(?<!\bhis\ )(?<!\bher\ )(?<!\btheir\ )(?<!\bphone\ )"""
"""Excludes nouns after a determiner: "the book", "my plan" and "our call" are no future."""
_EN_OTHER = rf"""
    \b{_EN_ORDER} | \bfor\ $ | \b(?:appointment|deadline|reservation|tickets?)\b
    | \b(?:i|we|they|you)\ (?:leave|fly|move|start|go|arrive|travel|work)\b
    | \b(?:comes?|starts|begins|opens|closes|leaves|arrives|ends|happens)\b |
    \b(?:will|won't|shall|should|shouldn't|must|would|wouldn't|could|may|might|can|cannot|can't)\b
    | \b(?:let's|let|gonna)\b | '(?:ll|d|m|re)\b | \b(?:am|is|are|isn't|aren't|be)\b
    | (?<!to\ )\b(?:do|does|don't|doesn't)\b
    | {_EN_NO_NOUN}\b(?:have|has|got|needs?|wants?|plans?|planning|hope|hoping|supposed|expect|going)\b
    | {_EN_NO_NOUN}\b(?:remind|remember|forget|please|book|schedule|set|add|put|call|wake|meet|buy|send|see)\b
    | \b(?:tomorrow|next|upcoming|every|each|usually|always|often|never|whenever|if)\b | \bused\ to\b
    | \bhad\ (?:to|better)\b
    | \b(?:mon|tues|wednes|thurs|fri|satur|sun)days\b
"""
_RO_AUXILIARY = r"(?:(?:m|te|ne|v|i|l|s|t|le|ti|mi|n|c|d|v|mi l|ti l)-)?(?:am|ai|a|au|ati)"
_RO_ADVERB = r"(?:(?:mai|si|tot|cam|deja|chiar|doar|mult|bine)\ )?"
_RO_NOUNS = r"""(?:curs|concurs|acces|proces|interes|stres|permis|succes|pat|sat|sut|repaus|atat|credit|profit
    |mandat|certificat|format|chat|rezultat|debut|minut|candidat)"""
_RO_DONE = rf"""(?!{_RO_NOUNS}\b)[a-z]*(?:at|it|ut|[aeioun]s|ers|ors|fost|rupt|copt|fript|fiert|spart)
    (?:-o|-i|-le)?"""
_RO_RECORD = r"(?:discuti[aei]|conversati[aei]|mesaj|notit|poz[ae]|rezumat)[a-z]*"
_RO_PAST = rf"""
    \b{_RO_AUXILIARY}\ {_RO_ADVERB}{_RO_DONE}\b
    | \b(?:eram|erai|era|erati|erau|aveam|aveai|avea|aveati|aveau|ziceam|ziceai|spuneam|spuneai|vorbeam|voiam
        |vroiam|voiai|faceai)\b
    | \b(?!stream|dream|steam)[a-z]{{2,}}(?:eam|[aiu]sem|esem)\b
    | \b(?:iti|ti|va|imi|mi)(?:\ |-)(?:mai\ )?(?:amintesti|amintiti|aduci\ aminte|amintesc)\b(?!\ sa\b)
    | \bmai\ (?:stii|tii\ minte)\ (?:ce|cum|cand|unde|cine|de\ ce)\b | \btii\ minte\b
    | \b{_RO_RECORD}\ (?:noastra\ |noastre\ |mele\ |mea\ )?(?:de|din)\b
"""
_RO_OTHER = r"""
    \bpentru\ $ | \bprogramat[aei]?\b
    | \b(?:plec|pleci|pleaca|merg|mergem|venim|ajung|incepe?|termin|fac|facem|dau|iau|raman)\b
    | (?<!\bde\ )(?<!\bdespre\ )(?<!\bun\ )(?<!\bce\ )(?<!\bcu\ )(?<!\bla\ )\b(?:vin|zbor)\b |
    \b(?:voi|vei|vom|veti|vor)\b | \bva\ (?!rog)[a-z]+ | \b(?:o|am|ai|are|au)\ sa\b | \bsa\b | \bsa-\w+
    | \b(?:trebuie|vreau|vrei|vrem|vrea|vor|pot|poti|putem|poate|hai|haideti|ar|as|urmeaza)\b
    | \b(?:maine|poimaine|viitor\w*|viitoare|urmator\w*|urmatoare\w*)\b
    | \b(?:peste|fiecare|mereu|de\ obicei|des)\b
    | \b(?:e|este|sunt|esti|suntem|sunteti|avem|aveti|are)\b | \b(?:am|ai|a|au)\ [a-z]+ | \bfi\b
    | \b(?:ce|cand)\ (?:fac|faci|facem|face)\b
"""
_FR_ADVERB = r"(?:(?:pas|deja|bien|jamais|tout|rien|toujours|encore|vraiment|beaucoup|aussi)\ )?"
_FR_NO_PARTICIPLE = r"""(?!(?:une|quelle|quelque|cette|notre|votre|le|ce|de|les|des|ces|mes|tes|ses|que|me|te
    |ne|envie|conge|classe|ecole|danse|piscine|musique|qui|lundi|mardi|mercredi|jeudi|vendredi|samedi|midi)\b)"""
_FR_DONE = rf"{_FR_ADVERB}{_FR_NO_PARTICIPLE}\w+(?:e|es|ee|i|is|it|u|us|ert|ait)\b"
_FR_SURELY = (
    "(?:dit|fait|mis|vu|eu|ete|ecrit|lu|pris|donne|parle|promis|demande|envoye|propose|raconte|prescrit)"
)
_FR_GONE = r"""(?:alle|venu|revenu|devenu|parti|arrive|rentre|sorti|reste|tombe|passe|entre|monte|descendu
    |retourne)e?s?\b"""
_DE_HAVE, _DE_BE = r"(?:habe?|hast|hat|haben|habt)\b", r"(?:bin|bist|ist|sind|seid)\b"
_DE_NOUN = r"(?!(?:geschaft|gericht|gebiet|gewicht|gesicht|gerat|geburt|gehen|geben|gegen)\b)"
_DE_DONE = rf"""\b{_DE_NOUN}(?:\w{{0,9}}ge\w{{2,15}}(?:t|en)
    |(?:be|er|ver|ent)\w{{2,15}}(?:t|en)|\w{{3,15}}iert)\b"""
_DE_GONE = r"""(?:gegangen|gefahren|gekommen|gewesen|geflogen|geblieben|gelaufen|geworden|gereist|gezogen
    |gestanden|passiert|begegnet)\b"""
_OTHER_PAST = rf"""
    (?:\b(?:ai|as|avons|avez|ont)|(?:\b(?:il|elle|on|qui|ca|y)\ |')a)\ {_FR_DONE}
    | \ba\ {_FR_ADVERB}{_FR_SURELY}e?s?\b
    | \b(?:suis|es|est|sommes|etes|sont)\ {_FR_ADVERB}{_FR_GONE}
    | (?:\b[mts]'|\b(?:me|te|se|nous|vous)\ )(?:suis|es|est|sommes|etes|sont)\ {_FR_DONE}
    | \b\w{{2,}}(?:ais|ait|aient|ions|iez)\b
    | \b(?:conte|dije|hice|fui|fue|estuve|tuve|puse|vine|di|vi|era|estaba|hable|compre|mande|apunte|escribi
        |paso)\b
    | \b\w{{3,}}(?:aste|iste|amos|imos|aron|ieron|aba|abas|ian?)\b
    | \b(?:he|has|ha|hemos|han)\ \w+(?:ado|ido|cho|to)\b
    | \b(?:war|warst|waren|hatte|hattest|hatten|sagte|ging|kam|gab|wurde|passierte)\b
    | {_DE_DONE}\ (?:{_DE_HAVE}|{_DE_BE}) | \b(?:gesagt|erzahlt|besprochen)\b
    | \b(?:volt|voltam|voltunk|tortent
        |(?!hotel|hospital|hopital)\w{{2,}}(?:tam|tem|tal|tel|tunk|tuk|tek|tak|ott|ett|ottam|ettem))\b
"""
_GERMAN_PERFECT = (
    (LazyPattern(rf"\b{_DE_HAVE}"), LazyPattern(_DE_DONE, re.VERBOSE)),
    (LazyPattern(rf"\b{_DE_BE}"), LazyPattern(rf"\b\w*{_DE_GONE}", re.VERBOSE)),
)
"""An auxiliary, and the participle that must follow it, possibly after the time."""
_OTHER_OTHER = r"""
    \b(?:demain|prochaine?|vais|allons|irai|dois|peux|veux|faut|sera|rappelle)\b
    | \b(?:manana|proxim[oa]|voy|vamos|tengo|debo|puedo|quiero|sera|recuerdame)\b
    | \b(?:morgen|nachste[nrs]?|werde|wird|werden|muss|kann|soll|will|erinnere?)\b
    | \b(?:holnap|jovo|fogok|fog|kell|emlekeztess)\b
"""
_CUES = {
    Language.ENGLISH: LazyPattern(rf"(?P<past>{_EN_PAST})|(?P<other>{_EN_OTHER})", re.VERBOSE),
    Language.OTHER: LazyPattern(rf"(?P<past>{_OTHER_PAST})|(?P<other>{_OTHER_OTHER})", re.VERBOSE),
    Language.ROMANIAN: LazyPattern(rf"(?P<past>{_RO_PAST})|(?P<other>{_RO_OTHER})", re.VERBOSE),
}
_CLAUSE = LazyPattern(
    r""",\ *$ | \b(?:but|dar|because|iar|so|ca|daca|insa|deci)\b | ,\ ?(?:and|si)\b | \b(?:and|si)\s*$
    | \b(?:say|said|told|tell|know|think|thought|mentioned|sure)(?:\ (?:me|you|him|her|us|them))?\ that\b""",
    re.VERBOSE,
)
_BEGINNINGS_OF_LIFE = re.compile(r"\b(?:born|birth|birthdays?|birthdate|nascut\w*|nastere\w*|aniversar\w*)\b")


def warm_up() -> None:
    """Compile the cues of all languages."""
    for language in Language:
        tense("hat ist ", "", language)


def tense(before: str, after: str, language: Language) -> Tense:
    """Return the tense between `before` and `after`; sentences about birthdays are `OTHER`."""
    if _BEGINNINGS_OF_LIFE.search(before) or _BEGINNINGS_OF_LIFE.search(after):
        return Tense.OTHER
    if language is Language.OTHER and _is_german_perfect(before, after):
        return Tense.PAST
    if language is not Language.ANY:
        return _nearest(before, after, language)
    found = {_nearest(before, after, each) for each in (Language.ENGLISH, Language.ROMANIAN)}
    return next((each for each in (Tense.PAST, Tense.OTHER) if each in found), Tense.UNSAID)


def _is_german_perfect(before: str, after: str) -> bool:
    clause = f"{before.rpartition(',')[2]} {after.partition(',')[0]}"
    return any(
        (have := auxiliary.compiled.search(clause)) and done.compiled.search(clause, have.end())
        for auxiliary, done in _GERMAN_PERFECT
    )


def _nearest(before: str, after: str, language: Language) -> Tense:
    cues = _CUES[language].compiled
    clauses = () if language is Language.OTHER else _CLAUSE.compiled.finditer(before)
    clause = max((found.end() for found in clauses), default=0)
    earlier = list(cues.finditer(before, clause))
    nearest = earlier[-1] if earlier else cues.search(after)
    if nearest is None:
        return Tense.UNSAID
    return Tense.PAST if nearest["past"] else Tense.OTHER
