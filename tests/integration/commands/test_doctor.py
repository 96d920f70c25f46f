"""`goat doctor` over parts that work, and over each part broken."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.goat import Goat, Ran, quick_embeddings, settings_for
from tests.servers.faults import Fault
from tests.servers.model import ModelServer

PARTS = [
    "Python",
    "configuration",
    "extras",
    "data folder",
    "working tier (Redis)",
    "embedding model",
    "episodic tier (log and Chroma)",
    "permanent tier",
    "plugins",
    "chat model",
]


@pytest.fixture
def refused() -> Iterator[str]:
    """An address that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def doctor(goat: Goat, data_folder: Path, model: ModelServer) -> Goat:
    """The command, over stores and endpoints that work."""
    goat.configure(settings_for(data_folder, model) | quick_embeddings(model))
    return goat


def broken(ran: Ran, *names: str) -> str:
    """Check that exactly these parts are broken; return their lines."""
    assert "Traceback" not in ran.shown
    lines = [line for line in ran.shown.splitlines() if line.startswith("!! ")]
    assert [line[3:].partition(":")[0] for line in lines] == list(names), ran.shown
    assert f"{len(names)} to fix." in ran.shown
    assert ran.status == 1
    return "\n".join(lines)


def test_all_is_fine_with_the_parts_that_come_with_it(goat: Goat, data_folder: Path) -> None:
    goat.configure(settings_for(data_folder))
    ran = goat("doctor")
    assert ran.status == 0, ran.shown
    lines = ran.shown.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == [f"ok {part}" for part in PARTS]
    assert lines[-1] == "All is fine."
    assert "private, embedded" in ran.shown
    assert "`goat setup` finds one" in ran.shown


def test_all_is_fine_with_endpoints(doctor: Goat) -> None:
    ran = doctor("doctor")
    assert ran.status == 0, ran.shown
    assert "test answers" in ran.shown
    assert "hashed" in ran.shown


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("gap_treshold = 0.5", "Unknown setting gap_treshold in goat.toml. Did you mean gap_threshold?"),
        ("[gap]\nthreshold = 7", "Setting gap_threshold = 7 in goat.toml is refused"),
        ("gap_threshold = ", "goat.toml cannot be read"),
        ('[rank]\nrule = "best"', "Setting rank_rule = 'best' in goat.toml is refused"),
    ],
)
def test_a_bad_configuration(doctor: Goat, toml: str, says: str) -> None:
    Path("goat.toml").write_text(toml, encoding="utf-8")
    assert says in broken(doctor("doctor"), "configuration")


def test_a_plugin_that_a_strange_folder_names_is_not_run_until_the_folder_is_trusted(
    doctor: Goat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GOAT_MODEL_API_KEY", "sk-the-owners-own-key")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    Path("plugins").mkdir()
    Path("plugins/spy.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "def build(services):\n    Path('ran').write_text(repr(dict(os.environ)))\n    return []\n"
    )
    Path("goat.toml").write_text('plugins_folder = "plugins"\ntelegram_token = "1:secret"\n')
    Path("goat.toml").chmod(0o600)
    assert "plugins_folder, telegram_token in goat.toml" in broken(doctor("doctor"), "configuration")
    assert not Path("ran").exists()
    trusting = doctor("trust")
    assert f"{Path('goat.toml').absolute()} sets:" in trusting.shown
    assert "  plugins_folder = plugins" in trusting.shown
    assert "secret" not in trusting.shown
    assert "applies already" in doctor("trust").shown
    Path("goat.toml").write_text('plugins_folder = "plugins"\n')
    doctor("trust")
    assert doctor("doctor").status == 0
    assert "GOAT_DATA_FOLDER" in Path("ran").read_text()
    assert "sk-" not in Path("ran").read_text()
    assert "can only tune recall" in doctor("trust", "--revoke").shown
    doctor("facts")
    assert "Ignored: plugins_folder in goat.toml" in caplog.text


def test_a_bad_variable(doctor: Goat) -> None:
    doctor.configure({"GOAT_TIMEZONE": "Mars/Olympus"})
    line = broken(doctor("doctor"), "configuration")
    assert "Setting GOAT_TIMEZONE = 'Mars/Olympus' in the environment is refused" in line
    assert "Europe/Bucharest" in line


def test_an_archive_for_several_machines_with_vectors_of_one(doctor: Goat) -> None:
    doctor.configure({"GOAT_ARCHIVE_URL": "postgresql://goat:secret@localhost/goat"})
    line = doctor("doctor").shown
    assert "GOAT_ARCHIVE_URL needs GOAT_CHROMA_URL" in line
    doctor.configure({"GOAT_CHROMA_URL": "http://localhost:1", "GOAT_ARCHIVE_URL": "goat secret"})
    line = doctor("doctor").shown
    assert "GOAT_ARCHIVE_URL cannot be read. Allowed: postgresql://" in line
    assert "Traceback" not in line
    assert "goat secret" not in line


def test_parts_by_url_that_refuse(doctor: Goat, refused: str) -> None:
    doctor.configure(
        {
            "GOAT_REDIS_URL": f"redis://:secret@{refused}/0",
            "GOAT_CHROMA_URL": f"http://token@{refused}",
            "GOAT_ARCHIVE_URL": f"postgresql://goat:secret@{refused}/goat",
            "GOAT_EMBEDDING_BASE_URL": f"http://{refused}/v1",
            "GOAT_MODEL_BASE_URL": f"http://{refused}/v1",
        }
    )
    stores = ("working tier (Redis)", "embedding model", "episodic tier (log and Chroma)")
    lines = broken(doctor("doctor"), *stores, "permanent tier", "chat model")
    redis, embeddings, chroma, archive, model = lines.splitlines()
    assert "cannot be reached" in redis
    assert refused in embeddings
    assert f"Chroma at http://{refused} cannot be used" in chroma
    assert f"the archive in PostgreSQL at {refused}/goat cannot be used" in archive
    assert "cannot be reached. Is it running" in model
    assert "secret" not in lines
    assert "token" not in lines


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.status(404, times=9), "HTTP 404. Check GOAT_MODEL (the name) and GOAT_MODEL_BASE_URL"),
        (Fault.status(401, times=9), "The key is refused: check GOAT_MODEL_API_KEY."),
        (Fault.garbage(times=9), "not a chat completion"),
        (Fault.empty(times=9), "gives an empty answer. Check GOAT_MODEL."),
    ],
)
def test_a_model_that_answers_badly(doctor: Goat, model: ModelServer, fault: Fault, says: str) -> None:
    doctor.configure({"GOAT_EMBEDDING_MODEL": ""})
    model.faults.append(fault)
    assert says in broken(doctor("doctor"), "chat model")


@pytest.mark.parametrize("part", ["logs", "terminal", "logs/goat.log"])
def test_a_part_of_the_data_folder_that_cannot_be_opened(doctor: Goat, data_folder: Path, part: str) -> None:
    """`goat chat` refuses such a folder, as `sudo goat` leaves it; the doctor said that all is fine."""
    path = data_folder / part
    if path.suffix:
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not a folder", encoding="utf-8")
    assert f"the data folder {data_folder / Path(part).parts[0]} cannot be used" in broken(
        doctor("doctor"), "data folder"
    )


def test_a_data_folder_that_is_a_file(doctor: Goat, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    doctor.configure({"GOAT_DATA_FOLDER": str(tmp_path / "file")})
    ran = doctor("doctor")
    lines = broken(
        ran,
        "data folder",
        "working tier (Redis)",
        "episodic tier (log and Chroma)",
        "permanent tier",
        "plugins",
    )
    assert "GOAT_DATA_FOLDER" in lines.splitlines()[0]
    assert str(tmp_path / "file") in lines.splitlines()[0]
