"""Settings of Studio's server."""

import re

from pydantic import BaseModel, Field, field_validator

from graph.settings.http_names import check_names, split_names

STUDIO = "https://smith.langchain.com"
PAGES = (STUDIO, "https://eu.smith.langchain.com")
"""Origins of LangGraph Studio's pages."""
_ORIGIN = re.compile(r"https?://[^/*@\s]+")


class StudioSettings(BaseModel):
    """Settings of the server that `make studio` runs."""

    studio_origins: str = Field(
        "",
        description="Studio: origins (scheme://host:port) whose pages may call the server, separated by "
        "commas; those of LangGraph Studio are always accepted.",
    )
    studio_hosts: str = Field(
        "",
        description="Studio: names (host or host:port) of the server, separated by commas; those of this "
        "machine are always accepted.",
    )
    studio_shell: bool = Field(
        False, description="Studio: whether `shell_run` commands may be approved through its server."
    )

    @field_validator("studio_origins")
    @classmethod
    def _studio_origins_alone(cls, text: str) -> str:
        if not all(_ORIGIN.fullmatch(origin) for origin in split_names(text)):
            raise ValueError("write origins such as http://localhost:3000, without paths")
        return text

    @field_validator("studio_hosts")
    @classmethod
    def _studio_names_alone(cls, text: str) -> str:
        return check_names(text)

    @property
    def studio_pages(self) -> tuple[str, ...]:
        """Origins whose pages may call the server."""
        return (*PAGES, *split_names(self.studio_origins))
