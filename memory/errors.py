"""Errors raised by the memory.

* GoatError                  every error that this project raises on purpose
  + ConfigError              a setting is unknown or out of range; names key, value and allowed range
  + DataFolderError          the data folder cannot be used: read-only, full, in use, not ours
  + OwnerMismatch            a thread was asked for on behalf of somebody else
  + EmptyMessage             there is nothing to answer
  + Undecided                a turn waits for the person's word
  + NothingToDecide          nothing waits for the person's word, or not any more
  + ThreadBusy               another process is answering in this thread
  + MediaRefused           a file of a message cannot be read (bot.media.attachment)
  + LaneLost               another worker has the chat by now (bot.telegram.outbox.courier)
  + NotDelivered           Telegram could not be reached for a long time
  + Undeliverable          Telegram will never take a message
  + PluginProblem            a plugin cannot be used (graph.tools.plugins.plugin_files)
  + AddressRefused           a page stands where none may be fetched (graph.tools.plugins.addresses)
  + InvalidCall              an MCP call asks for what is not there, or what cannot be (bot.mcp.read_tool)
  + BadResult                a tuning result cannot be read, or is refused (memory.tuning.tuning_result)
  + TooLittleData            held-out turns are too few to say anything (memory.tuning.gain_bound)
  + NotWritten               tuned values are not to be written, or there is nothing to return to
  + EditedSince              goat.toml was edited by hand (graph.tuning.write_back, both)
  + ModelUnavailable         the chat model cannot be reached, or answered nonsense
    - PromptTooLong          the prompt does not fit into its context window
  + MemoryTierError          a tier could not do what it was asked; names the tier
    - TierUnavailable        the backend cannot be reached, or did not answer in time (TryAgain: a lost race)
    - TierCorrupt            the backend answered with something that cannot be read
    - EmbeddingMismatch      the vectors were made by another embedding model
    - FactsFull              a fact does not fit under the token cap (BlockFull: into Letta's block)

What refuses a turn is a `ValueError` too: a LangGraph server shows the text of no other error of ours.
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
