"""The command line of the kind cluster."""

import argparse
import subprocess
import sys

from cluster.errors import ClusterError
from kind import kind_cluster


def main() -> None:
    """Make, use and delete the cluster of BACKEND=kind."""
    parser = argparse.ArgumentParser(prog="python -m kind", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="make the cluster, if it is not there")
    actions.add_parser("down", help="delete the cluster")
    execute = actions.add_parser("exec", help="make the cluster, if need be, and run a command")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        if arguments.action == "down":
            kind_cluster.down()
            return
        kind_cluster.up(lambda text: print(text, flush=True))
    except ClusterError as error:
        sys.exit(f"error: {error}")
    if arguments.action == "exec":
        sys.exit(subprocess.run(arguments.command, check=False).returncode)
    print(f"kubectl --kubeconfig={kind_cluster.kubeconfig()} get pods -A")


if __name__ == "__main__":
    main()
