"""A running `goat chat` takes up what `goat tune`, called beside it, writes and takes back."""

import asyncio
from pathlib import Path

from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.recall.relevance import read_calibration
from memory.tuning.tuning_result import write_result
from tests.goat import CTRL_D, Goat, Terminal, quick_embeddings, settings_for
from tests.nursery import Nursery
from tests.servers.model import ModelServer
from tests.unit.settings.test_tuning import result


async def test_a_chat_goes_by_the_new_values_at_its_next_turn(
    nursery: Nursery, goat: Goat, data_folder: Path, tmp_path: Path, model: ModelServer
) -> None:
    tuned = result(embedding_model="endpoint:hashed", calibration=read_calibration("any"))
    write_result(tuned, tmp_path / "result.json")
    settings = settings_for(data_folder, model) | quick_embeddings(model)
    goat.configure(settings)
    with Terminal(nursery, settings, tmp_path) as chat:
        chat.prompt()
        applied = await asyncio.to_thread(goat, "tune", "apply", "result.json")
        assert applied.status == 0, applied.shown
        chat.say("The boat is painted green.")
        assert (await asyncio.to_thread(goat, "tune", "rollback")).status == 0
        chat.say("The pier needs a new plank.")
        chat.type(CTRL_D)
        chat.until_end()
    async with open_layers(Settings(data_folder=data_folder)) as layers:
        observed = await layers.observations.all(owner="me")
    assert [(one.thresholds["gap_threshold"], one.thresholds["gap_calibration"]) for one in observed] == [
        (0.6, tuned.calibration_name),
        (0.5, ""),
    ]
