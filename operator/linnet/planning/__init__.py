"""What a Canary will do, told before it is applied: from manifests, by the operator's own code.

Pure: no I/O, no clock. Reading manifests and asking Prometheus is up to the caller.
"""
