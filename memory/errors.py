"""Errors raised by the memory.

* GoatError                  every error that this project raises on purpose
  + ConfigError              a setting is unknown or out of range; names key, value and allowed range
  + DataFolderError          the data folder cannot be used: read-only, full, in use, another user's
  + OwnerMismatch            a thread was requested for somebody who does not own it
  + EmptyMessage             the message has no text to answer
  + BadState                 a turn's state was edited to an invalid value
  + ThreadBusy               another process is answering in this thread
  + Undecided                a turn waits for the person's approval
  + NothingToDecide          nothing waits for the person's approval, or no longer
  + ModelUnavailable         the chat model cannot be reached, refused, stalled, or its answer is invalid
    - PromptTooLong          the prompt does not fit into the model's context window
  + MemoryTierError          a memory tier failed; names the tier
    - TierUnavailable        the backend cannot be reached, or did not answer in time
    - TierCorrupt            the backend's answer cannot be read
    - EmbeddingMismatch      the vectors were made by another embedding model
    - FactsFull              a fact does not fit under the owner's token cap

Others are defined in the modules that raise them. Those that refuse a turn are also `ValueError`s, so that a
LangGraph server shows their text.
"""

from memory.refusal import Refusal


class GoatError(Exception):
    """Base class of every error that this project raises on purpose."""


class ConfigError(GoatError):
    """A setting is unknown or out of range."""


class DataFolderError(GoatError):
    """The data folder cannot be used."""


class OwnerMismatch(GoatError, ValueError):
    """A thread was requested for somebody who does not own it."""


class EmptyMessage(GoatError, ValueError):
    """The message has no text to answer."""


class BadState(GoatError, ValueError):
    """A turn's state was edited to an invalid value."""


class ThreadBusy(GoatError):
    """Another process is answering in this thread."""


class Undecided(GoatError):
    """A turn waits for the person's approval."""


class NothingToDecide(GoatError):
    """Nothing waits for the person's approval, or no longer."""


class ModelUnavailable(GoatError):
    """The chat model cannot be reached, refused, stalled, or its answer is invalid."""


class PromptTooLong(ModelUnavailable):
    """The prompt does not fit into the model's context window.

    Attributes:
        refusal: numbers from the model's server.
    """

    def __init__(self, detail: str, refusal: Refusal) -> None:
        super().__init__(detail)
        self.refusal = refusal


class MemoryTierError(GoatError):
    """A memory tier failed.

    Attributes:
        tier: "working", "episodic" or "permanent".
    """

    def __init__(self, tier: str, detail: str) -> None:
        super().__init__(f"{tier}: {detail}")
        self.tier = tier
        self.detail = detail


class TierUnavailable(MemoryTierError):
    """The backend cannot be reached, or did not answer in time."""


class TierCorrupt(MemoryTierError):
    """The backend's answer cannot be read."""


class EmbeddingMismatch(MemoryTierError):
    """The vectors of an owner were made by another embedding model."""


class FactsFull(MemoryTierError):
    """A fact does not fit under the owner's token cap."""
