"""Parts that the commands of `goat` share."""

import logging
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.logging import RichHandler

from graph.observability.redaction import Redaction, RedactionFilter, secrets_of
from graph.settings.context import TurnContext
from graph.settings.context_refusal import refusal
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings_with_warning


def _checked(owner: str) -> str:
    """Return an owner's name that turns can be made for."""
    try:
        return TurnContext(owner=owner).owner
    except ValidationError as error:
        raise typer.BadParameter(refusal(error)) from None


Owner = Annotated[
    str, typer.Option(help="Whose memory is used; by default the `owner` setting's.", callback=_checked)
]


def command_app(**options: Any) -> typer.Typer:
    """Return an application to add commands to; help is plain text, since loading Rich's takes 0.2 s."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, **options)


def command_settings() -> Settings:
    """Read the settings; what is secret in them is kept out of what this terminal shows from here on."""
    settings = load_settings_with_warning()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RichHandler):
            handler.addFilter(RedactionFilter(Redaction(secrets_of(settings))))
    return settings
