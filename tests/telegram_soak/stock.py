"""A bot as in python-telegram-bot's tutorials, with the same model, as a baseline."""

import os
import sys
from typing import Any

import httpx
from telegram import Update
from telegram.ext import Application, CallbackContext, MessageHandler, filters

API, TOKEN, MODEL = "STOCK_API", "STOCK_TOKEN", "STOCK_MODEL"
CONCURRENT = "concurrent"
_SECONDS = 30.0
_NEW_TEXT = filters.TEXT & ~filters.COMMAND & filters.UpdateType.MESSAGE


async def answer(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
    """Ask the model, and reply."""
    assert update.message is not None
    asked = {"model": "test", "messages": [{"role": "user", "content": update.message.text}]}
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
        response = await client.post(f"{os.environ[MODEL]}/chat/completions", json=asked)
    await update.message.reply_text(response.json()["choices"][0]["message"]["content"])


def main() -> None:
    """Run it; `concurrent` on the command line follows the library's wiki on slow handlers."""
    builder = Application.builder().token(os.environ[TOKEN]).base_url(f"{os.environ[API]}/bot")
    if CONCURRENT in sys.argv:
        builder = builder.concurrent_updates(True)
    app = builder.build()
    app.add_handler(MessageHandler(_NEW_TEXT, answer))
    app.run_polling()


if __name__ == "__main__":
    main()
