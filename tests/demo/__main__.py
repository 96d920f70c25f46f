"""`make telegram-demo`: the bot, a local Bot API server, and a client to chat with it.

The bot has a separate data folder; model and embeddings are the configured ones.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_path

from tests.demo.telegram import chat_with
from tests.servers.telegram import running_bot_api

CHAT = 1
LOG = "telegram-demo.log"


def main() -> None:
    """Run all three until the person leaves."""
    folder = Path(os.environ.get("GOAT_DATA_FOLDER") or user_data_path("goat-demo", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with running_bot_api() as api, _bot(api.url, api.token, folder):
        notice = f"You run the bot. Try /start and /help; :help is for this client. Log: {folder / LOG}"
        chat_with(api.url, CHAT, notice)


@contextlib.contextmanager
def _bot(url: str, token: str, folder: Path) -> Iterator[None]:
    """Run `goat telegram` during the block."""
    environment = os.environ | {
        "GOAT_DATA_FOLDER": str(folder),
        "GOAT_TELEGRAM_API": url,
        "GOAT_TELEGRAM_TOKEN": token,
        "GOAT_TELEGRAM_ADMINS": str(CHAT),
    }
    command = [sys.executable, "-m", "bot.cli", "telegram"]
    with (
        (folder / LOG).open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as bot,
    ):
        try:
            yield
        finally:
            bot.terminate()


if __name__ == "__main__":
    main()
