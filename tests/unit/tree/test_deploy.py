"""`deploy/compose.yaml` names settings that exist, and servers of the versions that are tested."""

import re

from graph.settings.settings import Settings
from tests.nursery import ROOT

COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text()


def test_every_setting_exists() -> None:
    named = {name.lower() for name in re.findall(r"GOAT_([A-Z_]+)", COMPOSE)}
    assert {"redis_url", "chroma_url", "archive_url"} <= named
    assert named <= Settings.model_fields.keys()


def test_chroma_is_the_one_of_the_requirements() -> None:
    (image,) = re.findall(r"chromadb/chroma:(\S+)", COMPOSE)
    assert f"chromadb=={image} " in (ROOT / "requirements" / "run.txt").read_text()


def test_the_postgres_script_is_mounted() -> None:
    (script,) = re.findall(r"- \./(\S+?):/docker-entrypoint-initdb", COMPOSE)
    assert (ROOT / "deploy" / script).exists()
