"""The model of all settings."""

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from graph.settings.context import Thresholds, TunedSettings
from graph.settings.server_settings import BaseUrl, McpSettings, ServeSettings, StudioSettings
from graph.settings.sources import ENVIRONMENT, PREFIX, effective_sources
from graph.settings.telegram_settings import TelegramSettings
from graph.settings.tool_settings import DelegationSettings, ObservabilitySettings, ToolSettings
from memory.database import owner_key
from memory.tuning.tuning_result import RULE, RULED

PERSONA = (
    "You are GOAT, a personal assistant with a memory of your own: earlier conversations are recalled for "
    "you before you answer. Answer in the user's language, plainly and to the point. When you use something "
    "recalled, say when it was said. When memory and message contradict each other, trust the message. Never "
    "claim to remember what is not in front of you."
)


class Settings(
    Thresholds,
    TelegramSettings,
    ToolSettings,
    DelegationSettings,
    ObservabilitySettings,
    McpSettings,
    ServeSettings,
    StudioSettings,
    TunedSettings,
    BaseSettings,
):
    """All settings; the thresholds are the defaults of each turn."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    owner: str = Field(
        "me",
        min_length=1,
        max_length=200,
        description="Owner of the memory that the terminal and Studio use.",
    )
    data_folder: Path = Field(
        default_factory=lambda: user_data_path("goat", appauthor=False),
        description="Folder of the embedded stores and the embedding model.",
    )
    timezone: str = Field("", description="IANA name of the user's time zone; empty: the machine's.")
    identity: str = Field(PERSONA, min_length=1, max_length=20_000, description="L0: the persona.")
    facts_cap: int = Field(500, ge=0, le=100_000, description="L1: limit on the tokens of facts.")

    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Working tier: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://; "
        "empty: a private embedded server.",
    )
    chroma_url: SecretStr = Field(
        SecretStr(""),
        description="Episodic tier: http(s)://[token@]host:port[/tenant/database]; empty: embedded.",
    )
    archive_url: SecretStr = Field(
        SecretStr(""),
        description="Episodic and permanent tier: postgresql://user:password@host:port/database; "
        "empty: a file for each owner.",
    )
    letta_url: SecretStr = Field(
        SecretStr(""), description="Permanent tier: http(s)://host:port of Letta; empty: embedded."
    )
    letta_token: SecretStr = Field(
        SecretStr(""), description="Letta's server password or cloud key, if it needs one."
    )
    letta_timeout: float = Field(3, gt=0, le=600, description="Time limit of a request to Letta, in seconds.")
    checkpoints_kept: int = Field(20, ge=2, le=10_000, description="Checkpoints to keep for each thread.")

    embedding_model: str = Field(
        "", description="Model at an OpenAI-compatible endpoint; empty: the built-in one."
    )
    embedding_base_url: BaseUrl = Field("", description="Base URL of the embedding endpoint.")
    embedding_api_key: SecretStr = Field(SecretStr(""), description="Key of the embedding endpoint.")
    embedding_threads: int = Field(1, ge=1, le=64, description="Threads of the built-in embedding model.")

    model: str = Field(
        "", description="Chat model at an OpenAI-compatible endpoint; empty: no model, replies show memories."
    )
    model_base_url: BaseUrl = Field(
        "", description="Base URL, such as http://localhost:11434/v1; empty: OpenAI's."
    )
    model_api_key: SecretStr = Field(SecretStr(""), description="Key of the model endpoint, if it needs one.")
    model_timeout: float = Field(
        60, gt=0, le=3600, description="Seconds without output after which the model counts as stalled."
    )
    model_max_tokens: int = Field(2048, ge=16, le=1_000_000, description="Limit on the tokens of a reply.")
    model_context: int = Field(
        0,
        ge=0,
        le=100_000_000,
        description="The model's context window in tokens, for prompt and reply; 0: ask its server.",
    )
    message_cap: int = Field(
        8000,
        ge=100,
        le=1_000_000,
        description="Limit on the tokens of a message in the prompt; the archive keeps all of it.",
    )

    trust: Path | None = Field(
        None,
        description="Folder whose goat.toml and .env are trusted, as after `goat trust`; environment only, "
        "set by `make`.",
    )
    bench_data: Path | None = Field(None, description="Folder of labelled conversations, for the benchmarks.")

    @field_validator("data_folder", "plugins_folder")
    @classmethod
    def _with_home(cls, folder: Path | None) -> Path | None:
        """Replace a leading `~` or `~user`."""
        try:
            return folder and folder.expanduser()
        except RuntimeError:
            raise ValueError(f"{folder.parts[0] if folder else ''} is no user of this machine") from None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("no such zone; write an IANA name such as Europe/Bucharest") from None
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, highest precedence first; untrusted settings of files are left out."""
        files = [held for source, held in effective_sources().items() if source != ENVIRONMENT]
        sources = [InitSettingsSource(settings_cls, held) for held in reversed(files)]
        return init_settings, env_settings, *sources

    def rule_warning(self) -> str:
        """Return a warning if thresholds are set without the rule that they were chosen for; else ""."""
        given = [name for name in RULED if name in self.model_fields_set]
        if not given or self.gap_calibration or RULE in self.model_fields_set:
            return ""
        return (
            f"Set without gap_rule: {', '.join(given)}. The default rule was `calibrated` and is "
            f"`{self.gap_rule}`, which uses them on another scale, so it selects other memories. "
            f'Set gap_rule = "calibrated" to restore the old selection, gap_rule = "{self.gap_rule}" to keep '
            "them for the new rule, or remove them (in the environment: GOAT_GAP_RULE)."
        )


def terminal_folder(settings: Settings) -> Path:
    """Return the folder of the terminals' input histories; file names begin with the owner's key."""
    return settings.data_folder / "terminal"


def exports_folder(settings: Settings, owner: str) -> Path:
    """Return the folder of an owner's exports while they are being sent."""
    return settings.data_folder / "exports" / owner_key(owner)


def secret_names() -> list[str]:
    return [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]
