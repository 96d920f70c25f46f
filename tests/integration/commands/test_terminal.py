"""`goat chat` as a user meets it, in a pseudo-terminal and with its input piped in."""

import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from memory.database import owner_key
from memory.episodic.index.vector_state import read_states
from tests.goat import CTRL_C, CTRL_D, Goat, Terminal, plain, quick_embeddings, settings_for
from tests.nursery import SECONDS, Nursery
from tests.scripted import calling, in_turn
from tests.servers.faults import Fault
from tests.servers.model import ModelServer, running_model_server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _reset(endpoint: ModelServer) -> None:
    endpoint.reset()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    """A data folder that the runs of this module share."""
    folder = tmp_path_factory.mktemp("home") / "data"
    folder.mkdir(mode=0o700)
    (folder / "models").symlink_to(model_folder)
    return folder


@pytest.fixture(scope="module")
def running(nursery: Nursery, home: Path, endpoint: ModelServer) -> Iterator[Terminal]:
    """One `goat chat` with a model, for all tests that do not end it."""
    settings = settings_for(home, endpoint, GOAT_OWNER="shared", GOAT_SHELL="true")
    with Terminal(nursery, settings, home.parent) as terminal:
        terminal.prompt()
        yield terminal
        terminal.type(CTRL_C + CTRL_D)
        terminal.until_end()


@pytest.fixture
def chat(running: Terminal) -> Terminal:
    """The running chat, in a new thread."""
    assert "A new thread" in running.say("/new")
    return running


def test_a_reply_is_streamed(chat: Terminal, endpoint: ModelServer) -> None:
    endpoint.reply("one two three four")
    endpoint.hold_before = "three"
    chat.type("count\r")
    chat.until("one two")
    endpoint.hold_before = ""
    assert "three four" in chat.prompt()


def test_what_was_said_in_another_thread_is_in_the_prompt(
    chat: Terminal, endpoint: ModelServer, home: Path
) -> None:
    chat.say("The spare key of the boathouse hangs behind the blue lantern.")
    _wait_until(lambda: _is_indexed(home))
    chat.say("/new")
    assert "recalled" in chat.say("Where do I find the key to the boat shed?")
    assert "behind the blue lantern" in endpoint.chats[-1].prompt
    why = chat.say("/why")
    assert "kept  " in why
    assert "blue lantern" in why
    assert re.search(
        r"similarity [01]\.\d\d, \d+% of the words, relevant \d+%; .+: [01]\.\d\d ≥ [01]\.\d\d", why
    )


def test_why_shows_what_was_cut_and_by_which_rule(chat: Terminal, home: Path) -> None:
    chat.say("My tailor charges forty crowns for a waistcoat.")
    _wait_until(lambda: _is_indexed(home))
    chat.say("/new")
    chat.say("What is the melting point of tungsten?")
    why = chat.say("/why")
    assert "cut   " in why
    assert re.search(r"relevant \d+%; .+: 0\.\d\d < 0\.\d\d", why)
    assert "kept  " not in why


def test_the_commands(chat: Terminal, endpoint: ModelServer) -> None:
    assert "There was no turn in this thread yet." in chat.say("/why")
    assert "No facts yet" in chat.say("/facts")
    assert "Write it as: /remember key: value" in chat.say("/remember nothing")
    assert "Noted." in chat.say("/remember boat: Albatros, 12:30 on Sundays")
    table = chat.say("/facts")
    assert "boat" in table
    assert "Albatros, 12:30 on Sundays" in table
    assert "You are GOAT" in chat.say("/identity")
    assert "Done." in chat.say("/identity You are a parrot.")
    assert "You are a parrot." in chat.say("/identity")
    chat.say("hello")
    assert "You are a parrot." in endpoint.chats[-1].prompt
    assert "Albatros" in endpoint.chats[-1].prompt
    assert "Albatros, 12:30 on Sundays" in chat.say("/forget boat")
    assert "Nothing is erased." in chat.say("n")
    chat.say("/forget boat")
    assert "The fact is erased." in chat.say("y")
    assert "There is no such fact" in chat.say("/forget boat")
    assert "Write it as: /forget key" in chat.say("/forget")
    assert "Back to the configured persona." in chat.say("/identity reset")
    assert "Ctrl-C ends a reply" in chat.say("/help")
    assert "There is no command /nonsense. /help lists" in chat.say("/nonsense here")
    asked = len(endpoint.chats)
    chat.say("")
    chat.say("   ")
    assert len(endpoint.chats) == asked


def test_what_it_can_do_and_what_it_did_are_shown(chat: Terminal, endpoint: ModelServer) -> None:
    chat.say("hello")
    tools = chat.say("/tools")
    assert "search_memory" in tools
    assert "(asks for approval)" in tools
    assert "turns of shared" in chat.say("/stats")


def test_ctrl_c_ends_a_reply_and_keeps_what_stands_there(chat: Terminal, endpoint: ModelServer) -> None:
    endpoint.reply("alpha beta gamma delta omega")
    endpoint.hold_before = "delta"
    chat.type("recite\r")
    chat.until("gamma")
    chat.type(CTRL_C)
    shown = chat.prompt()
    assert "Stopped as you asked. The part on screen is kept." in shown
    assert "omega" not in shown
    endpoint.reset()
    chat.say("and now?")
    said = [message["content"] for message in endpoint.chats[-1].messages if message["role"] == "assistant"]
    assert len(said) == 1
    assert said[0].startswith("alpha beta gamma")
    assert "omega" not in said[0]


def test_ctrl_c_before_the_first_word_keeps_the_message(chat: Terminal, endpoint: ModelServer) -> None:
    endpoint.delay_per_chunk = 600
    chat.type("are you there?\r")
    _wait_until(lambda: bool(endpoint.chats))
    chat.type(CTRL_C)
    assert "Stopped as you asked. Your message is kept:" in chat.prompt()


def test_a_command_runs_once_it_is_allowed(chat: Terminal, endpoint: ModelServer) -> None:
    endpoint.reply(in_turn(calling("shell_run", text="I try.", command="echo 47$((5 + 6))"), "That is it."))
    asked = chat.say("run it")
    assert "· shell_run" in asked
    assert "command: echo 47$((5 + 6))" in asked
    shown = chat.say("y")
    assert "Allowed." in shown
    assert "That is it." in shown
    assert "4711" in endpoint.chats[-1].prompt


@pytest.mark.parametrize("answer", ["\r", "n\r", "nope\r", CTRL_C])
def test_a_command_that_is_not_allowed_is_not_run(chat: Terminal, endpoint: ModelServer, answer: str) -> None:
    endpoint.reply(in_turn(calling("shell_run", command="echo 47$((5 + 6))"), "So be it."))
    assert "shell_run is to be run" in chat.say("run it")
    chat.type(answer)
    shown = chat.prompt()
    assert "Not allowed." in shown
    assert "So be it." in shown
    assert "did not allow it" in endpoint.chats[-1].prompt


def test_figures_that_stand_nowhere_are_corrected(chat: Terminal, endpoint: ModelServer) -> None:
    endpoint.reply(in_turn(calling("memory_status"), "You told me 4711 things.", "You told me things."))
    shown = chat.say("how much?")
    assert re.search(r"4711 things\.\s+Corrected:\s+You told me things\.", shown)


def test_ctrl_c_at_the_prompt_clears_it(chat: Terminal, endpoint: ModelServer) -> None:
    chat.type("I never meant to s")
    chat.until("meant to s")
    chat.type(CTRL_C)
    chat.prompt()
    chat.say("hello")
    assert endpoint.chats[-1].last.endswith("hello")
    assert len(endpoint.chats) == 1


def test_several_lines_are_pasted_as_one_message(chat: Terminal, endpoint: ModelServer) -> None:
    chat.type("\x1b[200~first line\nsecond line\nthird line\x1b[201~")
    chat.until("third line")
    chat.type("\r")
    chat.prompt()
    assert len(endpoint.chats) == 1
    assert "first line\nsecond line\nthird line" in endpoint.chats[-1].last


HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \x08\x7f \x1bc \rback \u202egnp.exe end"


def test_control_characters_of_a_reply_do_not_reach_the_terminal(
    chat: Terminal, endpoint: ModelServer
) -> None:
    endpoint.reply(HOSTILE)
    before = len(chat.raw)
    chat.say("be nasty")
    chat.say("/why")
    raw = chat.raw[before:]
    assert "gnp.exe end" in raw
    for nasty in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\x7f", "\x1bc", "\rback", "\u202e"):
        assert nasty not in raw, repr(nasty)


def test_bytes_that_are_no_text_can_be_typed(chat: Terminal, endpoint: ModelServer) -> None:
    chat.type_bytes(b"caf\xe9 \xff \xc8\x99i ceai\r")
    chat.prompt()
    assert "și ceai" in endpoint.chats[-1].last


def test_what_was_typed_is_kept_for_its_owner_alone(chat: Terminal, home: Path) -> None:
    chat.say("/help")
    (history,) = (home / "terminal").glob("shared-*.history")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+/help" in history.read_text(encoding="utf-8")
    assert stat.S_IMODE((home / "terminal").stat().st_mode) == 0o700


def test_a_fact_told_in_one_run_is_recalled_in_another_without_a_model(
    nursery: Nursery, goat: Goat, home: Path
) -> None:
    settings = settings_for(home, GOAT_OWNER="ana")
    goat.configure(settings)
    told = goat("chat", typed=b"My bicycle Rosinante stands in the cellar.\n")
    assert told.status == 0
    assert "No model is configured" in told.shown
    with Terminal(nursery, settings, home.parent) as chat:
        assert "Choose one now?" in chat.prompt()
        assert "or a provider: openai" in chat.say("y")
        chat.type(CTRL_C)
        left = chat.prompt()
        assert "Nothing more was changed." in left
        assert "GOAT 2.0 · ana" in left
        chat.type("One moment.\r")
        chat.until("loading the memory")
        chat.type(CTRL_C)
        assert "Not sent: the memory is still being loaded." in chat.prompt()
        reply = chat.say("Where is my bicycle?")
        assert "Rosinante stands in the cellar" in reply
        assert "One moment" not in reply
        assert "kept  " in chat.say("/why")
        chat.type(CTRL_D)
        assert chat.until_end()[0] == 0


TELLS_OF_STOPS = """
import sys
from bot.cli import main
from graph.model.model_call import StopSignals

request = StopSignals.request

def told(self, turn_id):
    request(self, turn_id)
    print("asked to stop")

StopSignals.request = told
sys.argv = ["goat", "chat"]
main()
"""
"""`goat chat` that says when the first Ctrl-C has reached it."""


def test_a_second_ctrl_c_ends_the_process_and_the_next_start_finishes_the_turn(
    nursery: Nursery, goat: Goat, home: Path, endpoint: ModelServer
) -> None:
    settings = settings_for(
        home, endpoint, GOAT_OWNER="bob", GOAT_PREFETCH_TIMEOUT="30", **quick_embeddings(endpoint)
    )
    goat.configure(settings)
    assert goat("chat", typed=b"My bicycle stands in the cellar.\n").status == 0
    endpoint.reply("one two three")
    with Terminal(nursery, settings, home.parent, "-c", TELLS_OF_STOPS) as chat:
        thread = _thread(chat.prompt())
        assert "one two three" in chat.say("Count to three.")
        endpoint.faults.append(Fault.slow(600, about="Where is my bicycle?"))
        chat.type("Where is my bicycle?\r")
        _wait_until(lambda: not endpoint.faults)
        chat.type(CTRL_C)
        chat.until("asked to stop")
        chat.type(CTRL_C)
        status, shown = chat.until_end()
        assert status != 0
        assert "Traceback" not in shown
    endpoint.reply("finished later")
    goat.configure(settings)
    again = goat("chat", "--continue", typed=b"Go on.\n")
    assert again.status == 0
    assert _thread(again.shown) == thread
    assert "> Count to three.\none two three\n" in again.shown
    assert "A reply that was cut off is finished now:\n> Where is my bicycle?\nfinished later" in again.shown
    heard = endpoint.chats[-1].prompt
    said = ("Count to three.", "Where is my bicycle?", "finished later", "Go on.")
    assert [heard.index(text) for text in said] == sorted(heard.index(text) for text in said)


def test_odd_bytes_are_piped_in(goat: Goat, home: Path, endpoint: ModelServer) -> None:
    goat.configure(settings_for(home, endpoint, GOAT_OWNER="carl", **quick_embeddings(endpoint)))
    long = b"begin " + b"word " * 40_000 + b"finish"
    odd = b"nul \0 here, \xff\xfe bad \xc3\x28 bytes, \xed\xa0\x80 surrogate"
    endpoint.reply(lambda request: f"read {len(request.last)} characters")
    ran = goat(
        "chat", typed=b"\n".join([odd, b"", b"   ", b"\0", long, b"\xef\xbb\xbfwith CRLF\r", b"no newline"])
    )
    assert ran.status == 0
    assert ran.shown.count("characters") == 4
    assert "Traceback" not in ran.shown
    heard = [chat.last for chat in endpoint.chats]
    assert "\0" not in heard[0]
    assert "bad" in heard[0]
    assert "begin" in heard[1]
    assert "finish" in heard[1]
    assert len(heard[1]) < len(long)
    assert heard[2].endswith("with CRLF")
    assert heard[3].endswith("no newline")


def test_leaving_ends_what_is_piped_in(goat: Goat, home: Path, endpoint: ModelServer) -> None:
    goat.configure(settings_for(home, endpoint, GOAT_OWNER="dora", **quick_embeddings(endpoint)))
    ran = goat("chat", typed=b"/quit\nnever asked\n")
    assert ran.status == 0
    assert not endpoint.chats


def _thread(shown: str) -> str:
    return plain(shown).partition("thread ")[2].split()[0]


def _is_indexed(home: Path) -> bool:
    """Return whether all turns have vectors; a search waits for those of the last turn a moment only."""
    path = home / "owners" / f"{owner_key('shared')}.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return any(state.collection and not state.pending for state in read_states(database))


def _wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
