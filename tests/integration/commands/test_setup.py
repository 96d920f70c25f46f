"""`goat setup`: models found and tried, keys that nobody sees, a file that is written whole or not at all."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from bot.commands.setup_command import NOTHING, Setup
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions
from bot.setup.endpoint import Provider, local_server
from graph.settings.settings_loader import load_settings
from graph.settings.sources import user_file
from tests.goat import CTRL_D, Goat, Terminal, quick_embeddings, settings_for
from tests.nursery import Nursery
from tests.scripted import calling
from tests.servers.faults import Fault
from tests.servers.model import ModelServer, Reply
from tests.servers.openai_format import ModelRequest
from tests.servers.redis import free_ports
from tests.servers.telegram import BotApi, running_bot_api

KEY = "sk-a-key-that-nobody-sees"
NO_BOT = ""


@dataclass(frozen=True, slots=True)
class Answers(Questions):
    """Somebody who gives these answers, and leaves when there are no more."""

    left: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def read_line(self, prompt: str, *, hidden: bool) -> str:
        self.asked.append(f"{prompt}(hidden)" if hidden else prompt)
        if not self.left:
            raise EOFError
        return self.left.pop(0)


@dataclass(frozen=True, slots=True)
class Desk:
    """A terminal at which `goat setup` runs, on a machine with these servers."""

    servers: tuple[Provider, ...]
    screen: io.StringIO = field(default_factory=io.StringIO)

    async def run(self, *answers: str, asks: bool = True, options: SetupOptions | None = None) -> list[str]:
        """Set up, and return what was asked."""
        console = Console(file=self.screen, width=200, soft_wrap=True)
        ask = Answers(asks, list(answers))
        await Setup(console, ask, self.servers)(options or SetupOptions())
        return ask.asked

    @property
    def shown(self) -> str:
        return self.screen.getvalue()


def handy(request: ModelRequest) -> str | Reply:
    """Call a tool when one is offered."""
    return calling("clock") if request.body.get("tools") else "ok"


def about(words: str, fault: Fault) -> Fault:
    """Let a fault befall the first request that holds some words."""
    return replace(fault, about=words)


def written() -> str:
    return user_file().read_text(encoding="utf-8") if user_file().exists() else ""


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def desk(model: ModelServer) -> Desk:
    model.reply(handy)
    return Desk(
        (local_server("vllm", "vLLM", free_ports(1)[0]), local_server("ollama", "Ollama", model.port))
    )


@pytest.fixture
def api() -> Iterator[BotApi]:
    with running_bot_api() as running:
        yield running


async def test_a_model_on_this_machine_is_found_tried_and_written(desk: Desk, model: ModelServer) -> None:
    model.model_names = ["qwen", "text-embedding-3"]
    model.pages["/v1/models"] = {"data": [{"id": name, "max_model_len": 9000} for name in model.model_names]}
    await desk.run("1", NO_BOT)
    assert "1  qwen  (Ollama on this machine)" in desk.shown
    assert "embedding" not in desk.shown
    assert "reply    ok" in desk.shown
    assert "tools    ok" in desk.shown
    assert "context  9,000 tokens" in desk.shown
    settings = load_settings()
    assert (settings.model, settings.model_base_url) == ("qwen", f"http://127.0.0.1:{model.port}/v1")


async def test_what_is_no_model_server_is_not_offered(desk: Desk, model: ModelServer) -> None:
    model.pages["/v1/models"] = "Welcome to my router."
    with pytest.raises(SetupCancelled):
        await desk.run("")
    assert "No model server runs on this machine" in desk.shown
    assert "Ollama (port" in desk.shown


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_model_without_tools_is_good_enough(desk: Desk, model: ModelServer, refuses: bool) -> None:
    model.reply("ok")
    if refuses:
        model.faults.append(about("`clock`", Fault.status(400, said="this model does not support tools")))
    await desk.run("1", NO_BOT)
    assert "tools    not called: it works without tools" in desk.shown
    assert load_settings().model == "test"


async def test_a_key_is_asked_for_until_it_is_taken_and_shown_nowhere(desk: Desk, model: ModelServer) -> None:
    model.key = KEY
    asked = await desk.run(model.base_url, "sk-wrong", "two words", KEY, NO_BOT)
    assert ["(hidden)" in question for question in asked] == [False, True, True, True, True]
    assert "asks for a key (HTTP 401)" in desk.shown
    assert "refuses the key (HTTP 401)" in desk.shown
    assert KEY not in desk.shown
    assert "sk-wrong" not in written() + desk.shown
    assert load_settings().model_api_key.get_secret_value() == KEY


async def test_nothing_is_written_of_a_model_that_does_not_work(desk: Desk, model: ModelServer) -> None:
    model.model_names = ["one", "two"]
    model.faults += [about("'one'", Fault.empty()), about("'two'", Fault.status(404))]
    with pytest.raises(SetupCancelled):
        await desk.run("1", "m", "two", "")
    assert "one gives an empty answer" in desk.shown
    assert "HTTP 404. Check GOAT_MODEL" in desk.shown
    assert written() == ""


@pytest.mark.parametrize("answers", [["w", NO_BOT], ["a", NO_BOT], ["s", "1", NO_BOT], ["k", KEY, NO_BOT]])
async def test_after_a_failure_the_person_decides(desk: Desk, model: ModelServer, answers: list[str]) -> None:
    model.faults.append(about("Say: ok", Fault.empty()))
    await desk.run("1", *answers)
    assert load_settings().model == "test"


async def test_an_address_with_a_slip_is_asked_for_again(desk: Desk, model: ModelServer) -> None:
    model.reply(handy)
    await desk.run("http://[::1", model.base_url, "")
    assert "This address names no server" in desk.shown
    assert load_settings().model_base_url == model.base_url


async def test_it_can_be_left_at_every_question(desk: Desk, model: ModelServer, api: BotApi) -> None:
    model.model_names = ["one", "two"]
    for answers in ([], ["nonsense"], [model.base_url], [model.base_url, "o"], ["1", "123:wrong"]):
        user_file().unlink(missing_ok=True)
        with pytest.raises(SetupCancelled):
            await desk.run(*answers)
        assert written() == "" or load_settings().model == "one"


async def test_run_again_it_changes_what_is_asked_alone(desk: Desk, model: ModelServer) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text(
        f'# mine\nmodel = "old"\nmodel_base_url = "{model.base_url}"\nmodel_api_key = "{KEY}"\n',
        encoding="utf-8",
    )
    before = written()
    await desk.run("n", NO_BOT)
    assert f"Model: old at 127.0.0.1:{model.port}, with a key. Telegram bot: none." in desk.shown
    assert written() == before
    await desk.run(asks=False, options=SetupOptions(model="new", context=4096))
    changed = before.replace('"old"', '"new"') + "model_context = 4096\n"
    assert written() == changed
    await desk.run(asks=False, options=SetupOptions(key=SecretStr("sk-next")))
    assert written() == changed.replace(KEY, "sk-next")
    assert KEY not in desk.shown
    await desk.run("y", "1", NO_BOT)
    assert "model_api_key" not in written()
    assert "model_context" not in written()


async def test_a_value_that_another_source_overrides_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_MODEL", "")
    await desk.run("1", NO_BOT)
    assert "But the environment also sets model and overrides it here" in desk.shown


async def test_a_bot_is_connected_and_its_first_user_let_in(
    desk: Desk,
    api: BotApi,
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GOAT_TELEGRAM_API", api.url)
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data_folder))
    asked = await desk.run("1", "123:wrong", api.token, "")
    assert asked[-1] == "Print a code that lets you in, and others through you? [Y/n]: "
    assert "Telegram refuses the token" in desk.shown
    assert "The bot is @" in desk.shown
    assert load_settings().telegram_token.get_secret_value() == api.token
    assert "/start " in capsys.readouterr().out
    assert api.token not in desk.shown


def test_a_script_gives_every_answer(goat: Goat, model: ModelServer, tmp_path: Path) -> None:
    model.reply(handy)
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8-sig")
    ran = goat("setup", "--provider", model.base_url, "--key-file", "key", "--no-telegram", "--yes")
    assert ran.status == 0, ran.shown
    assert load_settings().model == "test"
    assert load_settings().model_api_key.get_secret_value() == KEY
    piped = goat("setup", "--key-file", "-", "--yes", typed=b"sk-another-key\n")
    assert piped.status == 0, piped.shown
    assert load_settings().model_api_key.get_secret_value() == "sk-another-key"
    assert KEY not in ran.shown + piped.shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], NOTHING),
        (["--no-telegram"], NOTHING),
        (["--model", "x"], "use --provider."),
        (["--provider", "opnai"], "Did you mean openai?"),
        (["--provider", "localhost:8080"], "or an address such as http://host:port/v1."),
        (["--provider", "http://"], "This address names no server."),
        (["--provider", "http://[::1"], "This address names no server."),
        (["--provider", "file:///etc/passwd"], "This address names no server."),
        (["--provider", "openai"], "use --key-file."),
        (["--provider", "http://127.0.0.1:9/v1"], "cannot be reached"),
        (["--key-file", "nowhere"], "nowhere cannot be read"),
    ],
)
def test_a_script_that_leaves_something_out_changes_nothing(
    goat: Goat, arguments: list[str], told: str
) -> None:
    ran = goat("setup", *arguments, "--yes")
    assert ran.status == 1
    assert told in ran.shown
    assert "Traceback" not in ran.shown
    assert written() == ""


def test_a_model_is_chosen_at_the_start_of_a_chat(
    nursery: Nursery, data_folder: Path, model: ModelServer, tmp_path: Path
) -> None:
    model.key = KEY
    settings = settings_for(data_folder) | quick_embeddings(model)
    with Terminal(nursery, settings, tmp_path) as chat:
        assert "No model is configured. Choose one now?" in chat.prompt()
        assert "or a provider: openai" in chat.say("")
        assert "asks for a key" in chat.say(model.base_url)
        assert "reply    ok" in chat.say(KEY)
        assert "GOAT 2.0" in chat.say("")
        assert "I see" in chat.say("hello")
        chat.type(CTRL_D)
        assert chat.until_end()[0] == 0
        assert KEY not in chat.raw
    assert KEY in written()
