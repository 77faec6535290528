"""Quantiles of a classic histogram, as Prometheus' histogram_quantile estimates them."""

import math
from collections.abc import Mapping


def quantile(q: float, cumulative: Mapping[float, float]) -> float | None:
    """Return the q-quantile of a histogram, 0 < q <= 1.

    `cumulative` maps the upper bound of each bucket, infinity among them, to how many observations
    were at or below it. Within a bucket observations count as spread evenly, the first one begins
    at 0, and what lies beyond the last finite bound counts as that bound. None without
    observations, without the infinite bucket, or without a finite one.
    """
    bounds = sorted(bound for bound in cumulative if not math.isnan(bound))
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return None
    rank = q * max(cumulative.values())
    if rank <= 0:
        return None
    lower, below = 0.0, 0.0
    for bound in bounds[:-1]:
        # Scrapes of several proxies are not simultaneous with their resets: never go down.
        count = max(below, cumulative[bound])
        if count >= rank:
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower
