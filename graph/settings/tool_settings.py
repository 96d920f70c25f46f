"""Settings of tools, plugins, background jobs, logs and telemetry."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field


class ToolSettings(BaseModel):
    plugins_folder: Path | None = Field(
        None, description="Tools: folder of plugins (`*.py`), watched; empty: `plugins` in the data folder."
    )
    plugin_secrets: str = Field(
        "",
        description="Tools: environment variables with secret-looking names that plugins may read, separated "
        "by commas.",
    )
    tool_timeout: float = Field(
        30,
        gt=0,
        le=3600,
        description="Tools: time limit of a call in seconds; some tools have their own.",
    )
    tool_output_cap: int = Field(
        16_000,
        ge=200,
        le=1_000_000,
        description="Tools: limit on the characters of an output in the prompt.",
    )
    fetch_private: bool = Field(
        False, description="Tools: whether pages may be fetched from this machine and its private network."
    )
    fetch_megabytes: float = Field(5, gt=0, le=1000, description="Tools: limit on the megabytes of a page.")
    shell: bool = Field(
        False, description="Tools: offer `shell_run` to the owner; each command needs approval."
    )
    shell_timeout: float = Field(60, gt=0, le=3600, description="Tools: time limit of a command in seconds.")
    browser_path: str = Field(
        "", description="Tools: path of a Chromium for `browse_page`; empty: find one on the machine."
    )
    browser_timeout: float = Field(
        30, ge=1, le=600, description="Tools: time limit for a page to load in the browser, in seconds."
    )


class DelegationSettings(BaseModel):
    delegate_calls: int = Field(24, ge=4, le=1000, description="Delegation: limit on a job's model calls.")
    delegate_tools: int = Field(48, ge=0, le=10_000, description="Delegation: limit on a job's tool calls.")
    delegate_seconds: float = Field(
        900,
        gt=0,
        le=86_400,
        description="Delegation: seconds of work after which a job summarizes its results.",
    )
    delegate_jobs: int = Field(
        3, ge=0, le=100, description="Delegation: limit on an owner's open jobs; 0: no delegation."
    )


def _check_receiver(text: str) -> str:
    """Return the base URL of a receiver, without the path that is added."""
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write http(s)://host:port; the path /v1/traces is added")
    if parts.username or parts.password:
        raise ValueError("put credentials into OTEL_EXPORTER_OTLP_HEADERS, not into the URL")
    return text.rstrip("/").removesuffix("/v1/traces")


class ObservabilitySettings(BaseModel):
    log_text: bool = Field(
        False,
        description="Logs: include messages and replies; they stay until the log rotates.",
    )
    log_megabytes: float = Field(
        10, ge=0.01, le=1000, description="Logs: megabytes at which a new file begins."
    )
    log_files: int = Field(5, ge=1, le=100, description="Logs: number of older files to keep.")
    otlp_endpoint: Annotated[str, AfterValidator(_check_receiver)] = Field(
        "",
        description="Telemetry: base URL of an OTLP/HTTP receiver, such as http://localhost:4318; empty: "
        "the value of OTEL_EXPORTER_OTLP_ENDPOINT, if any.",
    )
