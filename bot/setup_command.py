"""`goat setup`, and the offer to do so at the start of a chat."""

import asyncio
import sys

from rich.console import Console

from bot.setup.endpoint_choice import EndpointChoice
from bot.setup.flow import Setup
from bot.setup.questions import Left, Questions, say
from bot.setup.wishes import Wishes, secret_in

__all__ = ["Wishes", "offer_setup", "run_setup", "secret_in"]

_LEFT = "Nothing more was changed. `goat setup` goes on whenever you like."


def run_setup(wishes: Wishes, *, asks: bool) -> bool:
    """Set up what the options say, and ask for the rest; return whether the person stayed to the end."""
    console = _console()
    ask = Questions(is_answered=asks and is_terminal())
    setup = Setup(console=console, ask=ask, endpoints=EndpointChoice(console=console, ask=ask))
    try:
        asyncio.run(setup(wishes))
    except (Left, KeyboardInterrupt):
        say(console, _LEFT, "dim")
        return False
    return True


def offer_setup() -> bool:
    """Offer to set up a model, where somebody sits there; return whether anything may have changed."""
    if not is_terminal():
        return False
    try:
        wanted = asyncio.run(
            Questions(is_answered=True).agrees("No model is configured. Choose one now?", "", usual=True)
        )
    except Left:
        wanted = False
    if wanted:
        run_setup(Wishes(), asks=True)
    return wanted


def is_terminal() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
