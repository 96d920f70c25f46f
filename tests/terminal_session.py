"""A terminal conversation, run in this process: its output, and the files that one turn passes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from rich.console import Console

from bot.terminal.terminal import open_chat
from bot.terminal.terminal_place import TerminalPlace
from graph.settings.settings import Settings, terminal_folder
from tests.scripted import in_turn
from tests.servers.model import ModelServer
from tests.turn_trace import PRODUCT, ROOT, profiled


@dataclass(frozen=True, slots=True)
class Script:
    """The typed lines, the model's replies, and the terminal's width."""

    typed: Sequence[str]
    replies: Sequence[str]
    columns: int


ASKED = "What can I bake for Ioana's birthday?"
CONVERSATION = Script(
    typed=(
        "My daughter Ioana is allergic to peanuts.",
        "Ioana's birthday party is on the 14th, eleven children are coming.",
        "The car needs new winter tyres before November.",
        "/new",
        ASKED,
        "/why",
    ),
    replies=(
        "I will remember that.",
        "Noted: the 14th, eleven children.",
        "There is still time. Shall I look up prices?",
        "How about a sponge cake with jam? Read the labels for traces of nuts: Ioana is allergic to peanuts.",
    ),
    columns=96,  # GitHub shows about a hundred without a scroll bar
)
"""The README's conversation."""
COMMANDS = Script(
    typed=(
        "/remember sister: Ana, lives in Cluj",
        "/remember car: Dacia, B 12 XYZ",
        "/facts",
        "Which city does my sister live in?",
        "/identity You are a pirate.",
        "How is the weather?",
        "/identity reset",
    ),
    replies=("Ana lives in Cluj.", "Arr, I see no sky from below deck."),
    columns=60,  # so that its picture takes half a page
)
"""The session in the terminal's picture."""


@dataclass(slots=True)
class Trace:
    """The product's files called during the trace, in the order of their first calls."""

    is_on: bool = False
    files: dict[str, None] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Record the file of a call; a profile function."""
        code = frame.f_code
        if self.is_on and event == "call" and code.co_name != "<module>":
            root, _, file = code.co_filename.partition(f"{ROOT}/")
            if not root and file.partition("/")[0] in PRODUCT:
                self.files[file] = None


@dataclass(frozen=True, slots=True)
class Session:
    """The terminal's output, and the trace of the turn of `ASKED`, if that was typed."""

    shown: str
    trace: Trace


async def converse(script: Script, settings: Settings, model: ModelServer) -> Session:
    """Run a script in a terminal."""
    model.reply(in_turn(*script.replies))
    out, trace = io.StringIO(), Trace()
    console = Console(file=out, width=script.columns, highlight=False)
    place = TerminalPlace("ana", "", terminal_folder(settings))
    place.begin()
    with profiled(trace):
        async with open_chat(console, settings, place, before="", behind_prompt=False) as chat:
            for line in script.typed:
                await chat._agent.layers.episodes.index(owner=place.owner)  # so that no search is late
                out.write(f"> {line}\n")
                trace.is_on = line == ASKED
                await chat.handle(line)
    return Session(out.getvalue().strip(), trace)
