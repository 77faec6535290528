"""Random counts: Poisson numbers, each from one uniform number.

One uniform number a count keeps deciders that are compared on the same seed in the same luck: at
the same weight they see the same requests, and at another weight correspondingly more or fewer.
"""

import math
from statistics import NormalDist
from typing import Final

_SEARCH_BELOW: Final = 12.0
_SMALLEST: Final = 2.0**-53
_normal_quantile = NormalDist().inv_cdf


def poisson(mean: float, uniform: float) -> int:
    """Return the quantile of the Poisson distribution at `uniform`, 0 <= uniform < 1.

    Exact by search for small means. Above, by the expansion that Giles (2016, "Approximation of
    the inverse Poisson cumulative distribution function") calls Q_N2, which is off by one at most,
    and that in less than 1 of 100 draws.
    """
    if mean <= 0:
        return 0
    if mean < _SEARCH_BELOW:
        term = total = math.exp(-mean)
        count = 0
        while total < uniform and term > _SMALLEST * total:
            count += 1
            term *= mean / count
            total += term
        return count
    z = _normal_quantile(uniform or _SMALLEST)
    root = math.sqrt(mean)
    found = mean + root * z + (2.0 + z * z) / 6.0 - z * (2.0 + z * z) / (72.0 * root)
    return max(0, math.floor(found))
