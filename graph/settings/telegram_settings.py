"""Settings of the Telegram bot and of its endpoints for voice and pictures."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from graph.settings.server_settings import LAST_PORT, BaseUrl, split_names


class GroupPolicy(StrEnum):
    """Who may talk to the bot in an allowed group."""

    OFF = "off"
    """Nobody: the bot works in private chats only."""
    ALLOWED = "allowed"
    """People who may also write to it in private."""
    EVERYONE = "everyone"
    """Everybody in the group."""


def _check_ids(text: str) -> str:
    if not all(name.isdecimal() for name in split_names(text)):
        raise ValueError("write numeric ids such as 123456789, 987654321; the bot shows strangers their id")
    return text


def _check_listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not (host and port.isdecimal() and 0 < int(port) <= LAST_PORT):
        raise ValueError("write host:port, such as 127.0.0.1:8443")
    return text


def _check_webhook(text: str) -> str:
    if text and not text.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("Telegram calls https:// addresses only")
    return text.rstrip("/")


class TelegramSettings(BaseModel):
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Telegram: the bot's token, from @BotFather."
    )
    telegram_admins: Annotated[str, AfterValidator(_check_ids)] = Field(
        "", description="Telegram: numeric ids of the bot's admins, separated by commas."
    )
    telegram_me: int = Field(
        0,
        ge=0,
        description="Telegram: id of the person whose private chat uses the memory of `owner`; 0: none.",
    )
    telegram_groups: GroupPolicy = Field(
        GroupPolicy.ALLOWED, description="Telegram: who is answered in groups that `/allow` admitted."
    )
    telegram_buttons: bool = Field(
        True, description="Telegram: buttons under each answer (why, wrong, forget)."
    )
    telegram_rate: int = Field(
        20, ge=0, le=10_000, description="Telegram: messages per person and minute; 0: no limit."
    )
    telegram_budget_tokens: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Telegram and `goat serve`: tokens of the model per day, for each person and group; "
        "0: no limit.",
    )
    telegram_budget_requests: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Telegram and `goat serve`: messages that the model answers per day, for each person "
        "and group; 0: no limit.",
    )
    telegram_parallel: int = Field(
        16, ge=1, le=1000, description="Telegram: chats that one process answers at the same time."
    )
    telegram_drain: float = Field(
        20, ge=0, le=3600, description="Telegram: seconds for running turns to end when the bot stops."
    )
    telegram_webhook: Annotated[str, AfterValidator(_check_webhook)] = Field(
        "", description="Telegram: public https URL that Telegram calls; empty: polling."
    )
    telegram_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Telegram: secret that Telegram sends with each call; required with a webhook.",
    )
    telegram_listen: Annotated[str, AfterValidator(_check_listen)] = Field(
        "", description="Telegram: host:port of the webhook and of /healthz and /readyz; empty: none."
    )
    telegram_api: str = Field(
        "https://api.telegram.org", description="Telegram: URL of the Bot API server, if you run your own."
    )
    telegram_file_limit: int = Field(
        20, ge=1, le=2000, description="Telegram: size limit of files that are read, in MB."
    )
    media_timeout: float = Field(
        60,
        gt=0,
        le=3600,
        description="Time limit for reading a voice message, picture or document, in seconds.",
    )
    transcription_model: str = Field(
        "", description="Model that transcribes voice messages, at an OpenAI-compatible endpoint; empty: off."
    )
    transcription_base_url: BaseUrl = Field("", description="Its base URL; empty: OpenAI's.")
    transcription_api_key: SecretStr = Field(SecretStr(""), description="Its key.")
    vision_model: str = Field(
        "", description="Model that describes pictures, at an OpenAI-compatible endpoint; empty: off."
    )
    vision_base_url: BaseUrl = Field("", description="Its base URL; empty: OpenAI's.")
    vision_api_key: SecretStr = Field(SecretStr(""), description="Its key.")

    @property
    def admins(self) -> frozenset[int]:
        return frozenset(int(name) for name in split_names(self.telegram_admins))
