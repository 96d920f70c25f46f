"""LangChain's clients from npm, in a folder that is reused: the SDK for JavaScript, and its chat, built."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".clients"
SCAFFOLD = "create-agent-chat-app@0.1.6"
SDKS = {"sdk-1": "@langchain/langgraph-sdk@1.15.0", "sdk-2": "@langchain/langgraph-sdk@2.0.0"}
"""The latest of both lines, each under the name by which `sdk.mjs` imports it."""
BEFORE = "2026-11-20"
"""The chat's own packages have no lock file: each is the latest of this day."""
_QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", f"--before={BEFORE}", "--loglevel=error")
_CHAT = (
    "--framework",
    "vite",
    "--package-manager",
    "npm",
    "--install-deps",
    "false",
    "--include-agent",
    "react",
)


@dataclass(frozen=True, slots=True)
class NpmPackages:
    """Paths of the installation."""

    folder: Path

    @property
    def script(self) -> Path:
        """The program for node, next to the packages that it imports."""
        return self.folder / "sdk.mjs"

    @property
    def chat(self) -> Path:
        """The chat's page."""
        return self.folder / "web" / "dist"


def install(folder: Path = FOLDER) -> NpmPackages:
    """Install what is missing in `folder`; a broken installation is replaced."""
    installed, stamp = NpmPackages(folder), folder / f"installed-{BEFORE}"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
        sys.stdout.write(f"Installing LangChain's clients into {folder} (once; 400 MB)\n")
        _install(folder)
        stamp.touch()
    shutil.copy(Path(__file__).with_name("sdk.mjs"), installed.script)
    return installed


def _install(folder: Path) -> None:
    _run(folder, "npm", "install", *_QUIET, SCAFFOLD, *(f"{name}@npm:{sdk}" for name, sdk in SDKS.items()))
    _run(folder, "npx", "create-agent-chat-app", "--yes", "--project-name", "project", *_CHAT)
    web = (folder / "project" / "apps" / "web").rename(folder / "web")
    _run(web, "npm", "install", *_QUIET)
    _run(web, "npx", "vite", "build", "--logLevel", "error")


def _run(folder: Path, *command: str) -> None:
    if shutil.which(command[0]) is None:
        sys.exit(f"{command[0]} is not installed: LangChain's clients need Node.js 20 or newer, with npm.")
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
