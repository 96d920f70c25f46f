"""What plugins find in the environment of the process: no secret that was not granted to them."""

import os
import re
from collections.abc import Collection

from graph.settings import secret_names
from graph.settings_sources import PREFIX

_SECRET = re.compile(r"(?i)(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIAL)S?(_|$)")


def withhold_secrets(granted: Collection[str]) -> None:
    """Take out of the environment whatever is secret by its name, but for what was granted.

    The settings were read before, and hold what is ours.
    """
    ours = {f"{PREFIX}{name}".upper() for name in secret_names()}
    for name in set(os.environ).difference(granted):
        if name.upper() in ours or _SECRET.search(name):
            del os.environ[name]
