import asyncio
import os
import signal

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
# A run in CI is to fail for what a commit changed: HYPOTHESIS_PROFILE=search looks for news.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure() -> None:
    """Give tests what they take for granted, however they were started."""
    # looptime asks for the current loop before every test; until one was ever set, asking makes
    # one, which nobody closes, and that is an error in whichever test the garbage collector runs.
    asyncio.set_event_loop(None)
    # A shell starts what runs in the background with Ctrl-C ignored, and so would its children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
