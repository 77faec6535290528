"""Run one command inside a cluster's namespaces, as if it had been started there.

    python -m cluster.enter PID COMMAND...

PID is the cluster's supervisor. The exit code is the command's. SIGTERM and SIGHUP are passed on;
Ctrl-C reaches the command from the terminal. The command ends with its cluster, and gets SIGTERM
should this process be killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def enter(pid: int) -> None:
    """Join the namespaces of `pid`; of the process namespace, only our children will be in it.

    Call it in a process with a single thread, which can start no other thread afterwards.
    """
    kinds = ["net", "pid", "mnt"]
    if not os.path.samefile(f"/proc/{pid}/ns/user", "/proc/self/ns/user"):
        kinds.insert(0, "user")
    descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in kinds]
    folder = os.getcwd()
    library = ctypes.CDLL(None, use_errno=True)
    for kind, descriptor in zip(kinds, descriptors, strict=True):
        if library.setns(descriptor, 0):
            number = ctypes.get_errno()
            raise OSError(number, f"{os.strerror(number)} ({kind} namespace of process {pid})")
        os.close(descriptor)
    # Joining a mount namespace leads to its root.
    os.chdir(folder)


def run(command: Sequence[str]) -> int:
    """Run a command to its end and return its exit code, 128 + N when signal N ended it."""
    library = ctypes.CDLL(None)
    # Before there is a command that somebody could interrupt, and us with it.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def prepare() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.signal(signal.SIGINT, interrupted)

    try:
        process = subprocess.Popen(command, preexec_fn=prepare)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: process.send_signal(number))
    code = process.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    """Enter, run, and return the exit code."""
    pid, *command = sys.argv[1:]
    enter(int(pid))
    return run(command)


if __name__ == "__main__":
    sys.exit(main())
