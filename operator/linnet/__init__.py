"""linnet: progressive canary delivery on Istio."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("linnet")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0.0.0"
