"""Regular expressions compiled on first use: compiling all of them takes 0.3 s."""

import re
from functools import cached_property


class LazyPattern:
    def __init__(self, source: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.source = source
        self._flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.source, self._flags)
