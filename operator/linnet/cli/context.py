"""Which namespace a command means, as kubectl would have it."""

from kubernetes.aio.config import ConfigException, list_kube_config_contexts


def namespace_of(kubeconfig: str, context: str) -> str:
    """Return the namespace that the context names."""
    try:
        contexts, active = list_kube_config_contexts(kubeconfig or None)
    except ConfigException:  # in a pod there is no kubeconfig
        return "default"
    chosen = next((c for c in contexts if c["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")
