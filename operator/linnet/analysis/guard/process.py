"""One thing compared: failed requests, or slow ones. Against the primary, and against a floor."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from linnet.analysis.dispersion import LARGEST, Dispersion
from linnet.analysis.evidence import Floor, Mixture, absolute, relative
from linnet.analysis.guard.persistence import Grade, Persistence


@dataclass(frozen=True, slots=True)
class ProcessRules:
    """What a process goes by. `needed` is the evidence that takes a release back."""

    ratio: float
    floor: Floor
    persistence: Persistence
    needed: float

    @classmethod
    def of(
        cls, ratio: float, floor: float, grades: Sequence[Grade], *, needed: float, seconds: float
    ) -> "ProcessRules":
        """Return the rules: `ratio` times the primary, and a rate of `floor`, are tolerated."""
        return cls(ratio, Floor.at(floor), Persistence.of(grades, needed, seconds), needed)


@dataclass(frozen=True, slots=True)
class Run:
    """What both sides served since the evidence began to rise; the last tile while it does not."""

    canary: float = 0.0
    canary_bad: float = 0.0
    primary: float = 0.0
    primary_bad: float = 0.0
    since: float | None = None
    rising: bool = False


@dataclass(frozen=True, slots=True)
class Process:
    """The state of one comparison."""

    relative: Mixture = field(default_factory=Mixture)
    absolute: Mixture = field(default_factory=Mixture)
    dispersion: Dispersion = field(default_factory=Dispersion)
    run: Run = field(default_factory=Run)

    @property
    def evidence(self) -> float:
        """The weaker of the two: both are needed."""
        return min(self.relative.value, self.absolute.value)

    def before(self, primary: float, primary_bad: float) -> "Process":
        """Return the process after a tile that only tells about the primary."""
        dispersion = self.dispersion.after(primary, primary_bad)
        return Process(self.relative, self.absolute, dispersion, self.run)

    def after(
        self,
        rules: ProcessRules,
        canary: float,
        canary_bad: float,
        primary: float,
        primary_bad: float,
        *,
        start: float,
    ) -> "Process":
        """Return the process after a tile that began at `start`: requests, and the bad of them."""
        # What is known of the primary until now: this tile's own must not choose its correction.
        scatter = self.dispersion.scatter
        spread = min(scatter, LARGEST)
        cap = rules.persistence.cap(canary, canary_bad, scatter)
        against_primary = relative(canary, canary_bad, primary, primary_bad, rules.ratio)
        against_floor = absolute(canary, canary_bad, rules.floor)
        relative_now = self.relative.after(against_primary, cap, spread, rules.needed)
        absolute_now = self.absolute.after(against_floor, cap, spread, rules.needed)
        evidence = min(relative_now.value, absolute_now.value)
        rising = evidence > 1 or evidence > self.evidence
        run = self.run if rising and self.run.rising else Run(since=start)
        return Process(
            relative_now,
            absolute_now,
            self.dispersion.after(primary, primary_bad),
            Run(
                run.canary + canary,
                run.canary_bad + canary_bad,
                run.primary + primary,
                run.primary_bad + primary_bad,
                run.since,
                rising,
            ),
        )
