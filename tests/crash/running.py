"""A trial with all that it runs on."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

from graph.settings import Settings
from tests.crash.nursery import running_nursery
from tests.crash.settings import crash_settings, environment
from tests.crash.told import NumberedReplies
from tests.crash.trial import Trial
from tests.servers.model import running_model_server

WORD_SECONDS = 0.002
"""Before each word of a reply, so that kills hit it being written."""


@contextlib.contextmanager
def running_trial(data_folder: Path, *, seed: int) -> Iterator[tuple[Trial, Settings]]:
    """Serve a model and a nursery for the time of the block; the seed decides the points of the kills."""
    with running_model_server() as model:
        model.reply(replies := NumberedReplies())
        model.delay_per_chunk = WORD_SECONDS
        settings = crash_settings(data_folder, model)
        with running_nursery(environment(settings)) as nursery:
            yield Trial(nursery, replies, data_folder, random.Random(seed)), settings
