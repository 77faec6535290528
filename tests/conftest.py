import asyncio
import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
# A run in CI is to fail for what a commit changed: HYPOTHESIS_PROFILE=search looks for news.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure() -> None:
    """Keep looptime from making an event loop for tests that have none.

    It asks for the current loop before every test; until one was ever set, asking makes one, which
    nobody closes, and that is an error in whichever test the garbage collector finds it.
    """
    asyncio.set_event_loop(None)
