"""A cluster, seen from Python: bring it up, take it down, stop and start what is in it.

In a process that `cluster exec` started:

    cluster = Cluster.current()
    cluster.restart("kube-apiserver")
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from cluster import addresses, binaries, configuration, control, envoy, namespaces
from cluster.credentials import context_name
from cluster.errors import ClusterError
from cluster.processes import Status, ended
from cluster.state import STATE_VARIABLE, Folder, Settings

Tell = Callable[[str], None]
IMPORT_PATH = Path(__file__).parents[1]
END_WITHIN = 60.0
POLL_SECONDS = 0.02
NAME_VARIABLE = "LINNET_CLUSTER"


class Cluster:
    """One cluster, running or not. Methods raise ClusterError when they can't do their work."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder = folder
        self.name = name

    @classmethod
    def named(cls, name: str) -> "Cluster":
        """The cluster of that name."""
        return cls(Folder.of(name), name)

    @classmethod
    def current(cls) -> "Cluster":
        """The cluster inside which this process was started by `cluster exec`."""
        name = os.environ.get(NAME_VARIABLE)
        if not name or STATE_VARIABLE not in os.environ:
            raise ClusterError(
                "This process runs in no cluster: start it with `python -m cluster exec -- ...`."
            )
        return cls.named(name)

    # --- where things are, for processes inside ------------------------------------------------

    @property
    def kubeconfig(self) -> Path:
        return self.folder.kubeconfig

    @property
    def context(self) -> str:
        """The kubeconfig's context."""
        return context_name(self.name)

    @property
    def prometheus_url(self) -> str:
        return addresses.PROMETHEUS_URL

    @property
    def gateway_url(self) -> str:
        """Send requests here, with the host that is meant in the Host header."""
        host, port = envoy.GATEWAY_ADDRESS
        return f"http://{host}:{port}"

    @property
    def argocd_url(self) -> str:
        """Argo CD's API, which lets everybody in; once `start("argocd")` has returned."""
        return addresses.ARGOCD_URL

    @property
    def environment(self) -> dict[str, str]:
        """What a process inside finds in its environment."""
        return {
            NAME_VARIABLE: self.name,
            STATE_VARIABLE: str(self.folder.path),
            "KUBECONFIG": str(self.kubeconfig),
            "PROMETHEUS_URL": self.prometheus_url,
            "GATEWAY_URL": self.gateway_url,
        }

    # --- life ----------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.folder.in_use()

    def up(
        self,
        *,
        scrape_interval: str = Settings.scrape_interval,
        throw_away: bool = False,
        tell: Tell | None = None,
    ) -> None:
        """Start the cluster and return when everything in it is ready.

        A throw-away cluster ends with this process. A cluster that fails to start is taken down;
        its logs stay.
        """
        if missing := binaries.missing():
            names = ", ".join(part.name for part in missing)
            raise ClusterError(f"Not built yet: {names}. Run `python -m cluster build`.")
        namespaces.check()
        lock = self.folder.acquire()
        if lock is None:
            raise ClusterError(
                f"The cluster {self.name!r} is up already ({self.folder.path}). Take it down, or"
                " choose another --name."
            )
        with lock:
            settings = Settings(self.name, scrape_interval)
            self.folder.clear()
            self.folder.create()
            configuration.write(self.folder, settings)
            launcher = self._launch(lock, throw_away=throw_away)
        try:
            self._await_supervisor(launcher)
            self._write_kubectl()
            control.ask(self.folder.socket, "boot", tell=tell)
        except BaseException:
            launcher.kill()
            launcher.wait()
            self._remove(keep_logs=True)
            raise

    def down(self, *, keep_logs: bool = False) -> None:
        """End the cluster, and remove what it left. Nothing happens when there is none."""
        with ExitStack() as stack:
            if self.running:
                for pid in namespaces.outermost(self.supervisor_pid):
                    stack.enter_context(ended(pid, END_WITHIN))
                control.ask(self.folder.socket, "down", keep_logs=keep_logs)
            # The supervisor gives its folder away a moment before it ends.
            self._remove(keep_logs=keep_logs)

    def inside(self, command: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The command line and environment that run `command` inside the cluster."""
        path = f"{self.folder.programs}:{os.environ.get('PATH', os.defpath)}"
        line = [sys.executable, "-m", "cluster.enter", str(self.supervisor_pid), *command]
        return line, os.environ | self.environment | {"PATH": path} | self._import_path()

    @property
    def supervisor_pid(self) -> int:
        return control.supervisor_pid(self.folder.socket)

    # --- components ----------------------------------------------------------------------------

    def start(self, component: str) -> None:
        """Start a component and return when it is ready.

        `argocd` is all of Argo CD, which no cluster starts with.
        """
        control.ask(self.folder.socket, "start", component=component)

    def stop(self, component: str) -> None:
        """End a component as a node would, and return when it has ended."""
        control.ask(self.folder.socket, "stop", component=component)

    def kill(self, component: str) -> None:
        """End a component with SIGKILL."""
        control.ask(self.folder.socket, "kill", component=component)

    def restart(self, component: str) -> None:
        """Stop a component, start it again, and return when it is ready."""
        self.stop(component)
        self.start(component)

    def status(self) -> list[Status]:
        """How each component does."""
        return [Status(**values) for values in control.ask(self.folder.socket, "status")]

    def scrape(self, job: str, targets: Iterable[str]) -> None:
        """Have Prometheus scrape these addresses too, as this job; none to have it stop."""
        groups = [{"targets": list(targets), "labels": {"job": job}}]
        path = self.folder.scrape_targets / f"{job}.json"
        # In one step: Prometheus reads the file as soon as it changes.
        complete = path.with_suffix(".new")
        complete.write_text(json.dumps(groups))
        complete.rename(path)

    # --- how -----------------------------------------------------------------------------------

    def _launch(self, lock: IO[str], *, throw_away: bool) -> subprocess.Popen[bytes]:
        passed = [lock.fileno()]
        options = []
        if throw_away:
            # The end that is kept open here, for as long as we live, is never used.
            lifeline, _ = os.pipe()
            passed.append(lifeline)
            options = [f"--lifeline={lifeline}"]
        command = [sys.executable, "-m", "cluster.supervisor", str(self.folder.path), *options]
        with self.folder.log("supervisor").open("ab") as log:
            launcher = subprocess.Popen(
                namespaces.creating(command),
                env=os.environ | self._import_path(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
                start_new_session=True,
            )
        for descriptor in passed[1:]:
            os.close(descriptor)
        return launcher

    def _await_supervisor(self, launcher: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                control.supervisor_pid(self.folder.socket)
            except ClusterError:
                if launcher.poll() is not None:
                    log = self.folder.log("supervisor").read_text(errors="replace")
                    raise ClusterError(f"The supervisor ended at once:\n{log}") from None
                time.sleep(POLL_SECONDS)
            else:
                return

    def _write_kubectl(self) -> None:
        command = namespaces.wrapper(
            self.supervisor_pid,
            [str(binaries.program("kubectl")), f"--kubeconfig={self.kubeconfig}"],
        )
        self.folder.kubectl.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        self.folder.kubectl.chmod(0o700)

    def _remove(self, *, keep_logs: bool) -> None:
        """Once the supervisor has ended, remove what it could not."""
        if not self.folder.path.exists():
            return
        deadline = time.monotonic() + END_WITHIN
        while (lock := self.folder.acquire()) is None:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"The cluster's supervisor does not end, or another one was started in"
                    f" {self.folder.path}."
                )
            time.sleep(POLL_SECONDS)
        with lock:
            self.folder.clear(keep_logs=keep_logs)
            self.folder.release()

    def _import_path(self) -> dict[str, str]:
        rest = os.environ.get("PYTHONPATH")
        return {"PYTHONPATH": f"{IMPORT_PATH}:{rest}" if rest else str(IMPORT_PATH)}
