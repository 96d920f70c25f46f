"""The settings as others may see them: no secret, and no password within a URL."""

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from bot.mcp.queries.process_answers import SettingRead
from graph.observability.redaction import Redaction
from graph.settings.settings import Settings
from graph.settings.sources import PREFIX
from memory.text.text import clip

_LONGEST = 4000


def shown_settings(settings: Settings, redact: Redaction) -> list[SettingRead]:
    """Return every setting, by name."""
    return [_shown(settings, name, redact) for name in sorted(type(settings).model_fields)]


def _shown(settings: Settings, name: str, redact: Redaction) -> SettingRead:
    value = getattr(settings, name)
    secret = isinstance(value, SecretStr)
    is_set = bool(value.get_secret_value()) if secret else name in settings.model_fields_set
    plain = redact.within(to_jsonable_python(value)) if not secret else None
    return SettingRead(
        name=name,
        variable=f"{PREFIX}{name.upper()}",
        description=type(settings).model_fields[name].description or "",
        secret=secret,
        is_set=is_set,
        value=clip(plain, _LONGEST) if isinstance(plain, str) else plain,
    )
