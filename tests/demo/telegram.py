"""A terminal client to chat with a bot on the test server.

`python -m tests.demo.telegram --api http://127.0.0.1:PORT`; without `--api` it starts a server, and prints
the address and the token for the bot.
"""

import argparse
import asyncio
import contextlib
import io
import sys
import threading
from collections.abc import Iterator

import httpx
from prompt_toolkit import Application
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.widgets import TextArea
from rich.console import Console, RenderableType

from tests.demo.telegram_session import Quit, Session
from tests.demo.telegram_view import conversation, message_parts, numbered_buttons
from tests.servers.telegram import Message, RemoteBotApi, running_bot_api

PAGE = 10
LINGER = 0.7
TICK = 0.3


class Screen:
    """The chat, with an input line below; redrawn after every change."""

    def __init__(self, session: Session, notice: str) -> None:
        self._session = session
        self._notice = notice
        self._back = 0
        self._view = ANSI("")
        self._input = TextArea(
            height=1, multiline=False, prompt=lambda: session.prompt, accept_handler=self._accept
        )
        chat = Window(FormattedTextControl(lambda: self._view), wrap_lines=False)
        notices = Window(
            FormattedTextControl(lambda: self._notice),
            wrap_lines=True,
            dont_extend_height=True,
            style="reverse",
        )
        layout = Layout(HSplit([chat, notices, self._input]), focused_element=self._input)
        self._application: Application[None] = Application(
            layout, key_bindings=self._keys(), full_screen=True
        )

    async def run(self) -> None:
        """Show the chat until the person leaves."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._application.run_async()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        api = self._session.api
        while True:
            version = await asyncio.to_thread(api.run, "version")
            await self._redraw()
            await asyncio.to_thread(api.run, "changed", version=version, seconds=1.0)

    async def _redraw(self) -> None:
        messages = await asyncio.to_thread(lambda: self._session.messages)
        draft = await asyncio.to_thread(self._session.draft, messages)
        size = self._application.output.get_size()
        lines = _ansi(conversation(messages, draft), size.columns).splitlines()
        height = max(1, size.rows - 2 - self._notice.count("\n"))
        end = max(min(height, len(lines)), len(lines) - self._back)
        self._view = ANSI("\n".join(lines[max(0, end - height) : end]))
        self._application.invalidate()

    def _accept(self, buffer: object) -> bool:
        line, self._back = self._input.text, 0
        try:
            self._notice = self._session.take(line)
        except Quit:
            self._application.exit()
        asyncio.get_running_loop().create_task(self._redraw())
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        keys.add("c-c")(lambda event: event.app.exit())
        keys.add("c-d")(lambda event: event.app.exit())
        keys.add("pageup")(lambda event: self._scroll(event, PAGE))
        keys.add("pagedown")(lambda event: self._scroll(event, -PAGE))
        return keys

    def _scroll(self, event: KeyPressEvent, lines: int) -> None:
        self._back = max(0, self._back + lines)
        event.app.create_background_task(self._redraw())


def _ansi(shown: RenderableType, columns: int) -> str:
    output = io.StringIO()
    Console(file=output, width=columns, force_terminal=True, color_system="truecolor").print(shown)
    return output.getvalue()


class Plain:
    """Reads lines and prints messages, for pipes; changes are printed again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._console = Console(soft_wrap=True)
        self._shown: dict[tuple[int, int], str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self) -> None:
        """Read lines until the input ends and the bot is quiet."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            self._take_lines()
        except Quit:
            pass
        finally:
            self._over.set()
            watcher.join()
        self._show()

    def _take_lines(self) -> None:
        for line in sys.stdin:
            notice = self._session.take(line.rstrip("\n"))
            if notice:
                self._console.print(notice, markup=False)
        self._until_quiet()

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
    if sys.stdin.isatty() and sys.stdout.isatty():
        asyncio.run(Screen(session, notice).run())
    else:
        Console(soft_wrap=True).print(notice, markup=False, highlight=False)
        Plain(session).run()


if __name__ == "__main__":
    main()
