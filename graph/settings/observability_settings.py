"""Settings of logs and telemetry."""

from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator


class ObservabilitySettings(BaseModel):
    """Settings of logs and telemetry."""

    log_text: bool = Field(
        False,
        description="Logs: include messages and replies; they stay until the log rotates.",
    )
    log_megabytes: float = Field(
        10, ge=0.01, le=1000, description="Logs: megabytes at which a new file begins."
    )
    log_files: int = Field(5, ge=1, le=100, description="Logs: number of older files to keep.")
    otlp_endpoint: str = Field(
        "",
        description="Telemetry: base URL of an OTLP/HTTP receiver, such as http://localhost:4318; empty: "
        "the value of OTEL_EXPORTER_OTLP_ENDPOINT, if any.",
    )

    @field_validator("otlp_endpoint")
    @classmethod
    def _receiver(cls, text: str) -> str:
        if not text:
            return text
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("write http(s)://host:port; the path /v1/traces is added")
        if parts.username or parts.password:
            raise ValueError("put credentials into OTEL_EXPORTER_OTLP_HEADERS, not into the URL")
        return text.rstrip("/").removesuffix("/v1/traces")
