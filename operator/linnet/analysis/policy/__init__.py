"""The one automaton that says what an analysis decides: for the operator and for what tries it.

    policy = policy_of(canary.spec.analysis, seconds=5, latency=250)
    state = observe_before(policy, begin(policy, at), tiles)  # the primary, before the release
    ruling = step(policy, state, Sample(at))                  # the first step: advance
    ruling = step(policy, ruling.state, Sample(at + 5, tile=tile))

Pure: time is an argument, in seconds from any epoch, the same for all.
"""

from linnet.analysis.policy.automaton import begin, check_due, observe_before, step
from linnet.analysis.policy.evidence import Evidence, Exposure, Finding
from linnet.analysis.policy.ruling import Ruling, RulingVerdict
from linnet.analysis.policy.sample import Absence, CheckResult, Sample
from linnet.analysis.policy.settings import Policy, policy_of
from linnet.analysis.policy.state import ReleaseState

__all__ = [
    "Absence",
    "CheckResult",
    "Evidence",
    "Exposure",
    "Finding",
    "Policy",
    "ReleaseState",
    "Ruling",
    "RulingVerdict",
    "Sample",
    "begin",
    "check_due",
    "observe_before",
    "policy_of",
    "step",
]
