"""What is happening, in a sentence for people who do not know linnet. Pure."""

from demo.frame import Act, Frame
from linnet.api.status import Phase


def sentence(frame: Frame) -> str:
    """Return one or two sentences about this moment."""
    if frame.act is Act.SETTING_UP:
        return (
            "linnet prepares the app: a copy of it, the primary, will serve the users, and new"
            " versions get their requests from now on only as far as they prove good."
        )
    if frame.act is Act.STEADY:
        return (
            f"Version {frame.version} serves all users: {frame.rps:g} real requests a second come"
            " through the Envoy gateway. A new version is about to be released."
        )
    return _of_release(frame) if frame.releasing else released(frame)


def released(frame: Frame) -> str:
    """Return how a release begins."""
    return f"Somebody releases version {frame.version}: `kubectl set image`, nothing else."


def _of_release(frame: Frame) -> str:
    version, before = frame.version, frame.before
    match frame.status.phase:
        case Phase.PROGRESSING:
            return _progressing(frame)
        case Phase.PROMOTING:
            return (
                f"Version {version} passed every check. It now replaces {before} in the primary,"
                " while the canary goes on serving, so that no request is lost."
            )
        case Phase.FINALISING:
            return (
                f"Version {version} serves all users. The canary's pods get no new requests any"
                " more; they may finish those they have."
            )
        case Phase.SUCCEEDED:
            return f"Done: all users have version {version}, and {_lost(frame)} on the way there."
        case Phase.FAILED:
            return (
                f"Taken back, without anybody's help: all users get version {before} again."
                f" Meanwhile {_lost(frame)}."
            )
        case _:
            return frame.message


def _progressing(frame: Frame) -> str:
    status, version = frame.status, frame.version
    if not status.canary_weight:
        return f"Version {version} is deployed, and its pods start. No user gets it yet."
    if status.failed_checks:
        left = frame.threshold - status.failed_checks
        more = "One more" if left == 1 else f"{left} more"
        return (
            f"Version {version} does badly: {status.failed_checks} of {frame.threshold} checks"
            f" that may fail did. {more}, and all users get {frame.before} back."
        )
    if frame.blind:
        return (
            f"{status.canary_weight} of 100 requests go to version {version}. There are no figures"
            " to judge it on yet: linnet waits, and neither goes on nor turns back."
        )
    return (
        f"{status.canary_weight} of 100 requests go to version {version} now. Every"
        f" {frame.interval:g} s linnet checks on it: go on, or turn back?"
    )


def _lost(frame: Frame) -> str:
    if not frame.failed_here:
        return "not one request failed"
    return f"{frame.failed_here:,} request{'s' if frame.failed_here > 1 else ''} failed"
