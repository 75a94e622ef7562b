"""Quotients that may be undefined."""

from __future__ import annotations

import math

import numpy as np


def ratio(numerator: float | np.floating, denominator: float | np.floating) -> float:
    """The quotient; NaN where the denominator is 0 and the quotient is therefore undefined.

    >>> ratio(1.0, 4.0), ratio(0.0, 0.0)
    (0.25, nan)
    """
    return float(numerator / denominator) if denominator else math.nan
