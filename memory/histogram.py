"""Durations counted in buckets whose width grows with them, so that a quantile is off by 4.8 % at most.

Bucket `i` holds the values in (g^(i-1), g^i] milliseconds with g = 1.1, that is i = ceil(ln v / ln g). It is
read as 2 g^i / (g + 1), which is off by at most (g - 1) / (g + 1) of the value. Values are held between 0.1
ms and one hour, so that a histogram has at most 185 buckets.
"""

import math
from collections.abc import Mapping

GROWTH = 1.1
LEAST, MOST = 0.1, 3_600_000.0
"""Milliseconds."""
ERROR = (GROWTH - 1) / (GROWTH + 1)
"""The most that a quantile is off, relative to the value."""
_LOG = math.log(GROWTH)


def bucket(milliseconds: float) -> int:
    """Return the bucket of a duration; one that is no number counts as none."""
    held = min(max(milliseconds, LEAST), MOST) if milliseconds == milliseconds else LEAST  # noqa: PLR0124
    return math.ceil(math.log(held) / _LOG - 1e-9)


def value(number: int) -> float:
    """Return the milliseconds that a bucket is read as."""
    return float(2 * GROWTH**number / (GROWTH + 1))


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the duration that `share` of those counted do not exceed; 0 when there are none."""
    rank = max(math.ceil(share * sum(counts.values())), 1)
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return value(number)
    return 0.0
