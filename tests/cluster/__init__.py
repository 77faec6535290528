"""A Kubernetes cluster with Istio and Prometheus made of plain processes: no container, no root."""
