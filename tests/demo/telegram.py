"""A terminal client to chat with a bot on the test server.

`python -m tests.demo.telegram --api http://127.0.0.1:PORT`; without `--api` it starts a server, and prints
the address and the token for the bot.
"""

import argparse
import contextlib
import sys
import threading
from collections.abc import Iterator

import httpx
from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from tests.demo.telegram_session import Quit, Session
from tests.demo.telegram_view import message_parts, numbered_buttons
from tests.servers.telegram import Message, RemoteBotApi, running_bot_api

LINGER = 0.7
TICK = 0.3


class Chat:
    """Reads lines and prints messages above the prompt; changed messages are printed again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._console = Console(soft_wrap=True)
        self._shown: dict[tuple[int, int], str] = {}
        self._writing = ""
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self) -> None:
        """Read lines until the input ends and the bot is quiet."""
        watcher = threading.Thread(target=self._watch)
        with patch_stdout(raw=True) if sys.stdin.isatty() else contextlib.nullcontext():
            watcher.start()
            try:
                with contextlib.suppress(Quit, EOFError, KeyboardInterrupt):
                    self._take_lines()
            finally:
                self._over.set()
                watcher.join()
        self._show()

    def _take_lines(self) -> None:
        for line in self._typed() if sys.stdin.isatty() else sys.stdin:
            if notice := self._session.take(line.rstrip("\n")):
                self._console.print(notice, markup=False)
        self._until_quiet()

    def _typed(self) -> Iterator[str]:
        """Yield lines typed at a prompt, below which the bot's unfinished answer is shown."""
        typed: PromptSession[str] = PromptSession(
            lambda: self._session.prompt, bottom_toolbar=lambda: self._writing or None, refresh_interval=TICK
        )
        while True:
            yield typed.prompt()

    def _until_quiet(self) -> None:
        api = self._session.api
        version = api.run("version")
        while (later := api.run("changed", version=version, seconds=LINGER)) != version:
            version = later

    def _watch(self) -> None:
        api = self._session.api
        while not self._over.is_set():
            version = api.run("version")
            self._show()
            api.run("changed", version=version, seconds=TICK)

    def _show(self) -> None:
        with self._lock:
            messages = self._session.messages
            buttons = numbered_buttons(messages)
            draft = self._session.draft(messages)
            self._writing = f"bot is writing: {draft.text}" if draft else ""
            for message in messages:
                if self._is_news(message):
                    self._console.print(*message_parts(message, buttons), sep="\n")

    def _is_news(self, message: Message) -> bool:
        key, now = (message.chat_id, message.message_id), repr(message)
        news = self._shown.get(key) != now
        self._shown[key] = now
        return news


@contextlib.contextmanager
def _server(url: str | None, port: int) -> Iterator[tuple[RemoteBotApi, str]]:
    """Connect to a server, or run one, and print how a bot connects."""
    with contextlib.ExitStack() as stack:
        if url is None:
            url = stack.enter_context(running_bot_api(port=port)).url
        api = stack.enter_context(RemoteBotApi(url))
        yield api, f"Bot API: {api.url}\ntoken: {api.token}\n:help for commands"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo.telegram", description=__doc__)
    parser.add_argument("--api", help="the address of a running server; without it, one is started")
    parser.add_argument(
        "--port", type=int, default=0, help="of the server that is started; 0 takes a free one"
    )
    parser.add_argument("--chat", type=int, default=1, help="the chat to begin with; negative for a group")
    parser.add_argument("--as", type=int, dest="user", help="the user to be")
    options = parser.parse_args()
    try:
        with _server(options.api, options.port) as (api, notice):
            _chat(Session(api, options.chat, options.user), notice)
    except httpx.HTTPError as error:
        parser.exit(1, f"The server cannot be reached: {error}\n")


def chat_with(url: str, chat_id: int, notice: str) -> None:
    """Chat on a running server."""
    with RemoteBotApi(url) as api:
        _chat(Session(api, chat_id), notice)


def _chat(session: Session, notice: str) -> None:
    session.api.opens_chat(session.chat_id, user_id=session.user_id)
    Console(soft_wrap=True).print(notice, markup=False, highlight=False)
    Chat(session).run()


if __name__ == "__main__":
    main()
