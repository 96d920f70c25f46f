"""Optional parts of the installation, and how each is added."""

from importlib.util import find_spec

MODULES = {
    "pictures": "matplotlib",
    "documents": "markitdown",
    "browser": "playwright",
    "telemetry": "opentelemetry.exporter.otlp.proto.http",
}
"""By the extra's name, what is importable once it is installed."""


def is_installed(extra: str) -> bool:
    """Say whether an extra is there; imports none of it but the packages around it."""
    try:
        return find_spec(MODULES[extra]) is not None
    except ModuleNotFoundError:  # a package around it is missing too
        return False


def is_missing(extra: str) -> str:
    """Say that an extra is not installed, and which command adds it."""
    return (
        f"The extra `{extra}` is not installed. Add it: `make {extra}`, or without a clone of the repository "
        f"pip install 'goat2[{extra}]'."
    )


def summary() -> str:
    """Say which extras there are, and how to have the others."""
    missing = [extra for extra in MODULES if not is_installed(extra)]
    there = ", ".join(extra for extra in MODULES if extra not in missing) or "none"
    return (
        f"{there}; not installed: {', '.join(missing)} (`make {missing[0]}` adds one)" if missing else there
    )
