"""Questions to the person at the terminal; where nobody is there, every answer comes as an option."""

from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.layout.processors import PasswordProcessor, Processor
from rich.console import Console
from rich.text import Text

from bot.printable import printable
from bot.terminal.keyboard import is_yes
from memory.errors import ConfigError


class Left(Exception):
    """The person leaves: nothing more is asked or written."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Ask for lines."""

    is_answered: bool
    """Whether somebody is there."""

    async def __call__(self, question: str, option: str, *, hidden: bool = False) -> str:
        """Return the answer, stripped; what is `hidden` is not shown while it is typed.

        Args:
            question: without a mark at its end.
            option: gives the answer without a question.
            hidden: the answer is a secret.

        Raises:
            Left: the person has had enough: Ctrl-C or Ctrl-D.
            ConfigError: nobody is there.
        """
        if not self.is_answered:
            raise ConfigError(f"Nobody is asked here: say it with {option}. Nothing more was written.")
        try:
            return (await self.typed(f"{question}: ", hidden=hidden)).strip()
        except (KeyboardInterrupt, EOFError):
            raise Left from None

    async def typed(self, prompt: str, *, hidden: bool) -> str:
        """Read a line from the terminal."""
        session: PromptSession[str] = PromptSession()
        processors: list[Processor] = [PasswordProcessor(char="")] if hidden else []
        return await session.prompt_async(prompt, input_processors=processors)

    async def agrees(self, question: str, option: str, *, usual: bool) -> bool:
        """Ask for yes or no; Enter is the `usual` answer."""
        said = await self(f"{question} [{'Y/n' if usual else 'y/N'}]", option)
        return is_yes(said) if said else usual


def say(console: Console, text: str, style: str = "") -> None:
    """Print a line that may hold what others wrote."""
    console.print(Text(printable(text), style=style))
