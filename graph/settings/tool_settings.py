"""Settings of tools, plugins and background jobs."""

from pathlib import Path

from pydantic import BaseModel, Field


class ToolSettings(BaseModel):
    """Settings of tools and plugins."""

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
    """Settings of background jobs."""

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
