"""A trial with its model server."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

from graph.settings.settings import Settings
from tests.agent_settings import settings_of
from tests.crash.settings import environment
from tests.crash.told import NumberedReplies
from tests.crash.trial import Trial
from tests.nursery import Nursery
from tests.servers.model import running_model_server

WORD_SECONDS = 0.002
"""Delay before each word of a reply, so that kills interrupt it."""


@contextlib.contextmanager
def running_trial(nursery: Nursery, data_folder: Path, *, seed: int) -> Iterator[tuple[Trial, Settings]]:
    """Serve a model during the block; the seed determines the points of the kills."""
    with running_model_server() as model:
        model.reply(replies := NumberedReplies())
        model.delay_per_chunk = WORD_SECONDS
        settings = settings_of(data_folder, model)
        yield Trial(nursery, environment(settings), replies, data_folder, random.Random(seed)), settings
