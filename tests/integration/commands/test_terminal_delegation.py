"""Delegated work in the terminal: word of it appears above the prompt, and /jobs and /stop."""

from pathlib import Path

from tests.goat import CTRL_C, CTRL_D, Terminal, quick_embeddings, settings_for
from tests.nursery import Nursery
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import ToolCall
from tests.team import Team, plan


def team() -> Team:
    def delegate(request: ModelRequest) -> str | Reply:
        if request.messages[-2]["role"] == "tool":
            return "It is at work."
        return Reply("", (ToolCall("delegate", {"task": "Compare the prices of oats."}),))

    return Team({"researcher": "Oats cost \x1b[31m3 lei."}, otherwise=delegate)


def test_word_of_a_job_appears_above_the_prompt(
    nursery: Nursery, data_folder: Path, model: ModelServer
) -> None:
    scripted = team()
    model.reply(scripted)
    settings = settings_for(data_folder, model, **quick_embeddings(model))
    with Terminal(nursery, settings, data_folder.parent) as chat:
        chat.prompt()
        assert "no jobs" in chat.say("/jobs")
        assert "no such open job" in chat.say("/stop")
        assert "It is at work." in chat.say("find out what oats cost")
        shown = chat.until(r"Oats cost \x1b\[1m3 lei")
        assert "planned, steps: 2" in shown
        assert "done: prices" in shown
        assert "Compare the prices of oats.: done" in shown
        scripted.answers = {"planner": plan(("researcher", "slowly")), "researcher": "Unhurried."}
        model.hold_before = "Unhurried"
        chat.type("once more\r")
        chat.until(r"\[y/N\]")  # what the first job found stands in the conversation
        chat.type("y\r")
        chat.until("planned, steps: 1")
        chat.type("/jobs\r")
        chat.until("running .*: Compare the prices of oats.")
        chat.type("/stop\r")
        chat.until("is being stopped")
        chat.until("Compare the prices of oats.: stopped")
        chat.prompt()  # while the line above it is printed, the terminal would take Ctrl-D for its own
        chat.type(CTRL_C + CTRL_D)
        status, _ = chat.until_end()
    assert status == 0
    assert "\x1b[31m3 lei" not in chat.raw
