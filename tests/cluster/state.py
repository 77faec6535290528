"""Where a cluster keeps what it has: one folder, and what lies where in it."""

import fcntl
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cluster.errors import ClusterError

DEFAULT_NAME = "local"
STATE_VARIABLE = "LINNET_CLUSTER_STATE"
# A socket's path must fit into 108 bytes; see unix(7).
LONGEST_SOCKET_PATH = 107
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Settings:
    """What a cluster was started with. `scrape_interval` is Prometheus', in its own notation."""

    name: str = DEFAULT_NAME
    scrape_interval: str = "1s"


class Folder:
    """The files of one cluster."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, name: str) -> "Folder":
        """The folder of the cluster of that name: `$XDG_STATE_HOME/linnet/NAME`.

        `LINNET_CLUSTER_STATE` in the environment takes its place. ClusterError when the name, or
        the length of the path, is none a cluster can have.
        """
        if not NAME.fullmatch(name):
            raise ClusterError(
                f"{name!r} can't be a cluster's name: use up to 40 of a-z, 0-9 and -."
            )
        if given := os.environ.get(STATE_VARIABLE):
            path = Path(given).absolute()
        else:
            base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
            path = Path(base).expanduser().absolute() / "linnet" / name
        folder = cls(path)
        if len(os.fsencode(folder.socket)) > LONGEST_SOCKET_PATH:
            raise ClusterError(
                f"The path {path} is too long for the control socket in it. Set"
                " LINNET_CLUSTER_STATE to a shorter one."
            )
        return folder

    @property
    def lock(self) -> Path:
        """Locked by the supervisor as long as it lives."""
        return self.path / "lock"

    @property
    def socket(self) -> Path:
        """Where the supervisor takes requests."""
        return self.path / "control"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.path / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """A script that reaches the cluster from outside its namespaces."""
        return self.path / "kubectl"

    @property
    def programs(self) -> Path:
        """For PATH inside the cluster: kubectl."""
        return self.path / "bin"

    @property
    def config(self) -> Path:
        """Generated configuration of the components."""
        return self.path / "config"

    @property
    def data(self) -> Path:
        """What etcd and Prometheus store."""
        return self.path / "data"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def audit_log(self) -> Path:
        """What the API server writes down of linnet's requests."""
        return self.logs / "audit.log"

    @property
    def scrape_targets(self) -> Path:
        """Files here name what Prometheus scrapes besides the mesh's metrics (file_sd)."""
        return self.config / "targets"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def access_log(self, proxy: str) -> Path:
        return self.logs / f"{proxy}.access.log"

    def component_kubeconfig(self, user: str) -> Path:
        return self.config / f"{user}.kubeconfig"

    def create(self) -> None:
        """Make the folders, for the owner alone: there are credentials in them."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.programs, self.config, self.data, self.logs, self.scrape_targets):
            path.mkdir()

    def acquire(self) -> IO[str] | None:
        """The lock, to be kept open as long as the cluster lives; None while one lives."""
        while True:
            # A cluster that is just ending may take the folder away between any two steps.
            with suppress(FileExistsError):
                self.path.mkdir(parents=True, mode=0o700)
            try:
                lock = self.lock.open("w")
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return None
            # A cluster that ended just now has taken the file away with it: make a new one.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), self.lock.stat()):
                    return lock
            lock.close()

    def in_use(self) -> bool:
        """Whether a cluster lives here."""
        if not self.lock.exists():
            return False
        lock = self.acquire()
        if lock is None:
            return True
        lock.close()
        return False

    def clear(self, *, keep_logs: bool = False) -> None:
        """Remove everything a cluster left, but its lock. With `keep_logs`, its logs stay."""
        kept = {self.lock, self.logs} if keep_logs else {self.lock}
        for entry in self.path.iterdir():
            if entry in kept:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def release(self) -> None:
        """Remove the lock, and the folder when nothing else is in it; by who holds the lock."""
        self.lock.unlink(missing_ok=True)
        with suppress(OSError):  # there is something else, be it the lock of the next one
            self.path.rmdir()
