import asyncio


def pytest_configure() -> None:
    """Keep looptime from making an event loop for tests that have none.

    It asks for the current loop before every test; until one was ever set, asking makes one, which
    nobody closes, and that is an error in whichever test the garbage collector finds it.
    """
    asyncio.set_event_loop(None)
