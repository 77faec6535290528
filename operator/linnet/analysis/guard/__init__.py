"""The sequential guard: canary against primary, tile by tile, until it is beyond doubt."""

from linnet.analysis.guard.process import Process, ProcessRules
from linnet.analysis.guard.settings import ERRORS, LATENCY, GuardPolicy, guard_policy_of

__all__ = ["ERRORS", "LATENCY", "GuardPolicy", "Process", "ProcessRules", "guard_policy_of"]
