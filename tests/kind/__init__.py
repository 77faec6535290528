"""The cluster that the end-to-end tests run on with BACKEND=kind, made of containers."""
