"""Questions at the terminal; without a person, every answer must be an option."""

from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.layout.processors import PasswordProcessor, Processor
from rich.console import Console
from rich.text import Text

from bot.printable import printable
from bot.terminal.keyboard import is_yes
from memory.errors import ConfigError


class SetupCancelled(Exception):
    """The person ended the dialogue."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks for lines at the terminal."""

    interactive: bool
    """Whether a person can answer."""

    async def __call__(self, question: str, option: str, *, hidden: bool = False) -> str:
        """Return the stripped answer.

        Args:
            question: without a final mark.
            option: the option that answers instead, for the error message.
            hidden: do not echo the answer, a secret.

        Raises:
            SetupCancelled: the person pressed Ctrl-C or Ctrl-D.
            ConfigError: no person can answer.
        """
        if not self.interactive:
            raise ConfigError(f"Nobody can be asked here: use {option}. Nothing more was written.")
        try:
            return (await self.read_line(f"{question}: ", hidden=hidden)).strip()
        except (KeyboardInterrupt, EOFError):
            raise SetupCancelled from None

    async def read_line(self, prompt: str, *, hidden: bool) -> str:
        """Read a line from the terminal."""
        session: PromptSession[str] = PromptSession()
        processors: list[Processor] = [PasswordProcessor(char="")] if hidden else []
        return await session.prompt_async(prompt, input_processors=processors)

    async def confirm(self, question: str, option: str, *, usual: bool) -> bool:
        """Ask for yes or no; Enter gives the `usual` answer."""
        said = await self(f"{question} [{'Y/n' if usual else 'y/N'}]", option)
        return is_yes(said) if said else usual


def say(console: Console, text: str, style: str = "") -> None:
    """Print a line, with control characters removed."""
    console.print(Text(printable(text), style=style))
