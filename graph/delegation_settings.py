"""What can be configured of work that is delegated."""

from pydantic import BaseModel, Field


class DelegationSettings(BaseModel):
    """The settings of jobs that run in the background."""

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
