"""The application, options and settings shared by the commands of `goat`."""

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
    """Validate an owner's name."""
    try:
        return TurnContext(owner=owner).owner
    except ValidationError as error:
        raise typer.BadParameter(refusal(error)) from None


Owner = Annotated[
    str, typer.Option(help="Whose memory is used; by default the `owner` setting's.", callback=_checked)
]


def command_app(**options: Any) -> typer.Typer:
    """Return a Typer application; its help is plain text, since Rich's help takes 0.2 s to import."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, **options)


def command_settings() -> Settings:
    """Load the settings, and redact their secrets from what is logged to this terminal."""
    settings = load_settings_with_warning()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RichHandler):
            handler.addFilter(RedactionFilter(Redaction(secrets_of(settings))))
    return settings
