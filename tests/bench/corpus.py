"""Invented turns about everyday things: varied, reproducible, and free of personal data."""

import random
from dataclasses import dataclass

TOPICS = [
    line.split(", ")
    for line in """\
sourdough starter, cast-iron pan, lentil soup, pressure cooker, plum jam, bread oven
night train, visa form, mountain hut, ferry timetable, rental car, old town walk
knee exercises, sleep diary, blood test, hay fever, dentist visit, running plan
tomato seedlings, compost heap, rose pruning, drip irrigation, apple tree, lawn moss
quarterly report, hiring round, budget sheet, team offsite, client demo, roadmap draft
login page, database index, flaky test, release branch, memory leak, search service
tax return, savings account, rent increase, health insurance, pension plan, bike leasing
cello lesson, choir rehearsal, vinyl shelf, jazz festival, piano tuner, song lyrics
birthday party, school meeting, summer camp, wedding speech, baby monitor, photo album
kitchen sink, heat pump, balcony door, attic insulation, wall paint, washing machine
Romanian grammar, exam timetable, reading list, statistics course, thesis outline, flash cards
cat food, dog training, bird feeder, vet appointment, aquarium filter, horse riding""".splitlines()
]
NAMES = [
    "Ana",
    "Mihai",
    "Jonas",
    "Priya",
    "Elena",
    "Tomas",
    "Greta",
    "Omar",
    "Ioana",
    "Lucas",
    "Mei",
    "Radu",
]
PLACES = ["Cluj", "Lisbon", "Graz", "the office", "Bergen", "my parents' house", "Iasi", "the workshop"]
QUESTIONS = (
    "What should I do about the {thing}? {person} says it cannot wait until {day}.",
    "Remind me how we settled the {thing} with {person} in {place}.",
    "I am thinking about the {thing} again; the last try cost {number} euros and took {count} hours.",
    "{person} asked about the {thing}. Can you summarise where it stands for {day}?",
    "Ce facem cu {thing}? {person} vine {day} din {place} si vrea un raspuns.",
    "The {thing} in {place} is giving me trouble: it stops after {count} minutes, every time.",
    "Is it worth spending {number} euros on the {thing}, or is there a simpler way?",
    "Plan the {thing} for {day}: {person} and {count} others are coming to {place}.",
)
ANSWERS = (
    "Start with the {thing} itself: check it on {day}, note what changes, and keep the {number} euros aside.",
    "You decided to let {person} handle the {thing}, with a second look in {place} after {count} days.",
    "Two ways: repair the {thing} now for about {number} euros, or wait {count} weeks for {person}.",
    "Write down three things first: who uses the {thing}, how often, and what {person} expects by {day}.",
    "For {place} a simple plan is enough: {count} steps, the {thing} first, the rest when {person} is back.",
    "I would not. The {thing} worked for {count} years without it, and {number} euros buy a lot of {other}.",
)
FILLERS = (
    "The {other} can stay as it is.",
    "If that fails, ask {person} in {place}.",
    "Then look at the {other} as well, since both depend on each other.",
    "It took {count} attempts last time, mostly because of the {other}.",
)
SHORT = (
    "yes",
    "go on",
    "and then?",
    "ok, do that",
    "da, te rog",
    "why?",
    "thanks, what else?",
    "not that one",
)
DAYS = ["Monday", "Tuesday", "Friday", "the weekend", "next month", "March", "tomorrow", "the holidays"]


@dataclass(frozen=True, slots=True)
class TurnText:
    """Message and reply of a turn."""

    message: str
    reply: str

    @property
    def text(self) -> str:
        return f"{self.message}\n{self.reply}"


def turns(count: int, seed: int) -> list[TurnText]:
    """Make `count` turns; the same seed makes the same ones."""
    chance = random.Random(seed)
    return [_turn(chance) for _ in range(count)]


def messages(count: int, seed: int) -> list[str]:
    """Make messages to ask, every fifth of them a word or two."""
    chance = random.Random(seed)
    return [
        f"{chance.choice(SHORT)} ({number})" if number % 5 == 4 else _filled(chance, chance.choice(QUESTIONS))
        for number in range(count)
    ]


def _turn(chance: random.Random) -> TurnText:
    topic = chance.choice(TOPICS)
    thing, other = chance.sample(topic, 2)
    reply = [chance.choice(ANSWERS), *chance.sample(FILLERS, chance.randint(0, 3))]
    message = _filled(chance, chance.choice(QUESTIONS), thing=thing, other=other)
    return TurnText(message, " ".join(_filled(chance, part, thing=thing, other=other) for part in reply))


def _filled(chance: random.Random, template: str, *, thing: str = "", other: str = "") -> str:
    thing = thing or chance.choice(chance.choice(TOPICS))
    return template.format(
        thing=thing,
        other=other or thing,
        person=chance.choice(NAMES),
        place=chance.choice(PLACES),
        day=chance.choice(DAYS),
        number=chance.randint(3, 900),
        count=chance.randint(2, 40),
    )
