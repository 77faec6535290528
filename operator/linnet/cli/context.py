"""Which namespace a command means, as kubectl would have it."""

import logging

from kubernetes.aio.config import ConfigException, kube_config, list_kube_config_contexts

# It warns of a missing kubeconfig, which in a pod is as it should be; else the connection says so.
logging.getLogger(kube_config.__name__).addHandler(logging.NullHandler())


def namespace_of(kubeconfig: str, context: str) -> str:
    """Return the namespace that the context names."""
    try:
        contexts, active = list_kube_config_contexts(kubeconfig or None)
    except ConfigException:  # in a pod there is no kubeconfig
        return "default"
    chosen = next((c for c in contexts if c["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")
