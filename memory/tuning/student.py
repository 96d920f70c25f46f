"""Student's t, for the bounds of means of few values."""

import math

import numpy as np

_POINTS = 10_001


def student(share: float, freedom: float) -> float:
    """Return a quantile of Student's t, from the median upwards; degrees of freedom need not be whole.

    With t = sqrt(freedom) * tan(angle), the density of the angle goes by cos(angle) ** (freedom - 1); it is
    summed up by trapezia. Off by less than 0.001 of the quantile from 4 to 10,000 degrees, up to a share of
    0.9999.
    """
    angles = np.linspace(0, np.pi / 2, _POINTS)
    density = np.cos(angles) ** (freedom - 1)
    reached = np.append(0.0, np.cumsum(density[1:] + density[:-1]))
    return math.sqrt(freedom) * math.tan(float(np.interp(2 * share - 1, reached / reached[-1], angles)))
