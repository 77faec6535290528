"""Network, process and mount namespaces of a cluster's own: how to make them and get inside.

The cluster's supervisor is the first process of its process namespace: when it ends, however it
ends, the kernel ends every other process in there. As root no user namespace is needed; everybody
else gets one in which they are root.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cluster.errors import ClusterError

POD_NETWORK = "10.128.0.0/9"
SERVICE_NETWORK = "10.96.0.0/16"


def creating(command: Sequence[str]) -> list[str]:
    """The command that runs `command` as the first process in new namespaces."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [
        "unshare",
        *user,
        *("--net", "--pid", "--fork", "--mount-proc"),
        # Ends the first process in there when `unshare`, out here, is ended.
        "--kill-child",
        *("--", *command),
    ]


def wrapper(pid: int, command: Sequence[str]) -> list[str]:
    """The command that runs `command` in the network of process `pid`'s namespaces."""
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ["nsenter", "--target", str(pid), "--net", *user, "--", *command]


def outermost(pid: int) -> tuple[int, int]:
    """The processes in which all others of these namespaces end: the first one, and `unshare`."""
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    return pid, int(parent)


def check() -> None:
    """ClusterError when this machine doesn't let us make the namespaces a cluster needs."""
    for tool, package in (("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")):
        if not shutil.which(tool):
            raise ClusterError(f"`{tool}` is not on PATH: install {package}.")
    tried = subprocess.run(
        creating(["ip", "link", "set", "lo", "up"]), capture_output=True, text=True, check=False
    )
    if tried.returncode:
        raise ClusterError(
            "The cluster runs in namespaces of its own, and making them fails here:\n"
            f"    {tried.stderr.strip()}\n"
            + (
                "Root was not enough: in a container, it needs CAP_SYS_ADMIN (e.g. --privileged)."
                if os.geteuid() == 0
                else "Run as root, or let users make namespaces: the sysctls"
                " user.max_user_namespaces, kernel.unprivileged_userns_clone and"
                " kernel.apparmor_restrict_unprivileged_userns decide that."
            )
        )


def set_up_network() -> None:
    """Inside: bring loopback up and make every pod's and service's address a local one."""
    for arguments in (
        ("link", "set", "lo", "up"),
        ("route", "add", "local", POD_NETWORK, "dev", "lo"),
        ("route", "add", "local", SERVICE_NETWORK, "dev", "lo"),
    ):
        subprocess.run(["ip", *arguments], check=True)
