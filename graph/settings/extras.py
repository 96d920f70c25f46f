"""Optional dependencies."""

from importlib.util import find_spec

MODULES = {
    "pictures": "matplotlib",
    "documents": "markitdown",
    "browser": "playwright",
    "telemetry": "opentelemetry.exporter.otlp.proto.http",
    "postgres": "psycopg",
}
"""A module of each extra."""


def is_installed(extra: str) -> bool:
    """Return True when the extra is installed; imports at most its parent packages."""
    try:
        return find_spec(MODULES[extra]) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def missing_message(extra: str) -> str:
    return (
        f"The extra `{extra}` is not installed. Add it: `make {extra}`, or without a clone of the repository "
        f"pip install 'goat2[{extra}]'."
    )


def summary() -> str:
    """List the installed extras, and how to install the others."""
    missing = [extra for extra in MODULES if not is_installed(extra)]
    there = ", ".join(extra for extra in MODULES if extra not in missing) or "none"
    return (
        f"{there}; not installed: {', '.join(missing)} (`make {missing[0]}` adds one)" if missing else there
    )
