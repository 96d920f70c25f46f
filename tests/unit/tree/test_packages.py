"""Our top-level packages are ours alone, and the served graph is safe to import."""

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.util import cache_from_source
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
PACKAGES = ("graph", "nodes", "memory", "bot")
CONFIGURATION = ("goat.toml", ".env")
SYSTEM = ("/dev/null", "/etc", "/proc", "/sys", "/usr")
EVENTS = (
    "open",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.fork",
    "os.posix_spawn",
    "os.exec",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "sqlite3.connect",
    "subprocess.Popen",
)
WATCHER = """
import json, os, sys
import onnxruntime
import urllib3  # binds to ::1 when imported, to learn whether there is IPv6; langchain-core brings it

module, report, events = sys.argv[1], sys.argv[2], frozenset(sys.argv[3].split(","))
seen, models, init = [], [], onnxruntime.InferenceSession.__init__

def load(self, *arguments, **options):
    models.append(str(arguments)[:80])
    init(self, *arguments, **options)

def watch(event, arguments):
    if event not in events:
        return
    if event != "open":
        seen.append({"event": event, "name": repr(arguments), "flags": 0})
    elif not isinstance(arguments[0], int):
        name = os.path.realpath(os.fsdecode(arguments[0]))
        seen.append({"event": event, "name": name, "flags": arguments[2]})

onnxruntime.InferenceSession.__init__ = load
sys.addaudithook(watch)
for name in module.split(","):
    __import__(name)
found = list(seen)
with open(report, "w") as file:
    json.dump({"seen": found, "models": models}, file)
"""


@dataclass(frozen=True)
class Seen:
    event: str
    name: str
    flags: int = 0

    @property
    def writes(self) -> bool:
        return bool(self.flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))

    @property
    def harmless(self) -> bool:
        """Whether it only reads what the code is made of."""
        return self.event == "open" and not self.writes and _is_code(Path(self.name))


def _is_code(path: Path) -> bool:
    prefixes = {sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    roots = [Path(os.path.realpath(prefix)) for prefix in prefixes] + [Path(place) for place in SYSTEM]
    if any(path.is_relative_to(root) for root in roots):
        return True
    ours = [REPO / package for package in PACKAGES]
    return path.suffix in {".py", ".pyc"} and any(path.is_relative_to(package) for package in ours)


def watched(module: str, cwd: Path) -> tuple[list[Seen], list[str]]:
    """Import a module in a process of its own; return what it touched, and the models that it loaded."""
    report = cwd / "report.json"
    command = [sys.executable, "-B", "-c", WATCHER, module, str(report), ",".join(EVENTS)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPO), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    return [Seen(**item) for item in told["seen"]], told["models"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a configuration in it that nobody should read."""
    for name in CONFIGURATION:
        (tmp_path / name).write_text('owner = "nobody"\n')
    return tmp_path


def test_no_other_distribution_brings_a_package_of_our_name() -> None:
    distributions = packages_distributions()
    assert "langgraph" in distributions
    assert {name for package in PACKAGES for name in distributions.get(package, [])} <= {"goat2"}


def test_importing_touches_nothing(folder: Path) -> None:
    seen, models = watched("graph.studio.studio_graph,bot.cli", folder)
    names = {item.name for item in seen}
    for source in (f"{REPO}/graph/studio/studio_graph.py", f"{REPO}/bot/cli.py"):
        assert names & {source, cache_from_source(source)}
    assert [item for item in seen if not item.harmless] == []
    assert models == []
    assert not names & {os.path.realpath(folder / name) for name in CONFIGURATION}


CULPRIT = """
import os, socket, sqlite3, subprocess
open('goat.toml')
open('new.txt', 'w')
os.mkdir('data')
sqlite3.connect(':memory:')
socket.socket().bind(('127.0.0.1', 0))
subprocess.run(['true'])
"""


def test_the_watcher_sees(folder: Path) -> None:
    (folder / "culprit.py").write_text(CULPRIT)
    seen, _ = watched("culprit", folder)
    found = [(item.event, item.name) for item in seen if not item.harmless]
    opened = {os.path.realpath(name) for event, name in found if event == "open"}
    assert {os.path.realpath(folder / name) for name in ("goat.toml", "new.txt")} <= opened
    assert {"os.mkdir", "sqlite3.connect", "socket.bind", "subprocess.Popen"} <= {event for event, _ in found}


def test_forgetting_loads_no_library_of_telegram() -> None:
    code = "import sys, bot.commands.erase_command; sys.exit('telegram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
