"""Base of the control interface."""

from abc import ABC, abstractmethod
from typing import Any


class Runner(ABC):
    """Runs operations of `Control`, in this process or another."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of the server, without a slash at the end."""

    @abstractmethod
    def run(self, operation: str, **parameters: Any) -> Any:
        """Run an operation; it returns once its effect is visible."""

    def _number(self, operation: str, **parameters: Any) -> int | None:
        number = self.run(operation, **parameters)
        return None if number is None else int(number)
