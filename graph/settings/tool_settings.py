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
        description="Tools: variables of the environment, separated by commas, that plugins may read though "
        "their names say that they are secret.",
    )
    tool_timeout: float = Field(
        30,
        gt=0,
        le=3600,
        description="Tools: seconds that a call may take; some tools have limits of their own.",
    )
    tool_output_cap: int = Field(
        16_000,
        ge=200,
        le=1_000_000,
        description="Tools: the most characters of an output that the model is shown.",
    )
    fetch_private: bool = Field(
        False, description="Tools: whether pages may be fetched from this machine and its private network."
    )
    fetch_megabytes: float = Field(
        5, gt=0, le=1000, description="Tools: the most megabytes of a page that are read."
    )
    shell: bool = Field(
        False, description="Tools: offer `shell_run` to the owner; each command is asked about first."
    )
    shell_timeout: float = Field(60, gt=0, le=3600, description="Tools: seconds that a command may take.")
    browser_path: str = Field(
        "", description="Tools: program of a Chromium for `browse_page`; empty: one found on the machine."
    )
    browser_timeout: float = Field(
        30, ge=1, le=600, description="Tools: seconds that a page may take to be shown in the browser."
    )


class DelegationSettings(BaseModel):
    """Settings of background jobs."""

    delegate_calls: int = Field(
        24, ge=4, le=1000, description="Delegation: calls of the model that a job may make."
    )
    delegate_tools: int = Field(
        48, ge=0, le=10_000, description="Delegation: calls of tools that a job may make."
    )
    delegate_seconds: float = Field(
        900, gt=0, le=86_400, description="Delegation: seconds of work after which a job sums up what it has."
    )
    delegate_jobs: int = Field(
        3, ge=0, le=100, description="Delegation: jobs that an owner may have open at once; 0: no delegation."
    )
