"""The outside world behind the ports: Kubernetes, Prometheus, HTTP."""
