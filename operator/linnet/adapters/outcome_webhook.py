"""Outcomes of releases, posted to a URL in the background: telling must never hold up doing."""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from linnet.adapters.connection import USER_AGENT
from linnet.adapters.telemetry import Telemetry

TOKEN_FILE: str = "LINNET_OUTCOME_WEBHOOK_TOKEN_FILE"  # noqa: S105 - the name of a variable
WAITING = 1000
"""How many outcomes may wait; older ones are dropped for newer ones."""
TIMEOUT = 10.0
"""Seconds that one try may take."""
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between one try and the next; after the last try an outcome is dropped."""
TRY_AGAIN = frozenset({408, 425, 429})

log = logging.getLogger(__name__)

Announcement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where outcomes go. The URL may be a secret by itself: no log has more of it than its host."""

    url: str = field(repr=False)
    token_file: Path | None = None

    @classmethod
    def parse(cls, url: str, environment: Mapping[str, str] = os.environ) -> Self:
        """Read a URL, and from the environment where the token is.

        Raises ValueError with a sentence that does not repeat the URL.
        """
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("it must be a URL such as https://hooks.example.com/linnet")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                f"it must not carry a user name or password: put a token into a file, and name"
                f" that in {TOKEN_FILE}"
            )
        token_file = environment.get(TOKEN_FILE)
        return cls(url, Path(token_file) if token_file else None)

    @property
    def host(self) -> str:
        """The host, which is all that may be told."""
        return urlsplit(self.url).hostname or ""

    def headers(self) -> dict[str, str]:
        """Return the headers that prove who asks; the file is read anew each time."""
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {self.token_file.read_text(encoding='utf-8').strip()}"}


class OutcomeWebhook:
    """Posts announcements in the order they came, as long as `run` runs."""

    def __init__(
        self, receiver: Receiver, telemetry: Telemetry, pauses: tuple[float, ...] = PAUSES
    ) -> None:
        self._receiver = receiver
        self._telemetry = telemetry
        self._pauses = pauses
        self._queue: asyncio.Queue[Announcement] = asyncio.Queue(maxsize=WAITING)

    def announce(self, announcement: Announcement) -> None:
        """Queue an announcement. Never waits, never raises."""
        if self._queue.full():
            self._dropped(self._queue.get_nowait(), "too many are waiting")
            self._queue.task_done()
        self._queue.put_nowait(announcement)

    async def run(self) -> None:
        """Post what is queued, for ever."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                announcement = await self._queue.get()
                try:
                    await self._deliver(session, announcement)
                finally:
                    self._queue.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until everything is posted, but not longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            pass

    async def _deliver(self, session: aiohttp.ClientSession, announcement: Announcement) -> None:
        for pause in (*self._pauses, None):
            why, again = await self._post(session, announcement)
            if not why:
                self._telemetry.outcomes.labels("delivered").inc()
                return
            if not again or pause is None:
                self._dropped(announcement, why)
                return
            await asyncio.sleep(pause)

    async def _post(
        self, session: aiohttp.ClientSession, announcement: Announcement
    ) -> tuple[str, bool]:
        """Try once; return why it failed, and whether trying again makes sense."""
        canary = announcement["canary"]
        key = f"{canary['uid']}/{announcement['revision']}/{announcement['startedAt']}"
        try:
            headers = {
                "Content-Type": "application/json",
                "Idempotency-Key": key,
                "User-Agent": USER_AGENT,
                **self._receiver.headers(),
            }
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            return f"the file that {TOKEN_FILE} names cannot be read: {why}", True
        try:
            async with session.post(
                self._receiver.url,
                data=json.dumps(announcement).encode(),
                headers=headers,
                allow_redirects=False,  # the token is for this host only
            ) as answer:
                if answer.ok and answer.status < 300:
                    return "", False
                again = answer.status in TRY_AGAIN or answer.status >= 500
                return f"it answered with HTTP {answer.status}", again
        except TimeoutError:
            return f"it did not answer within {TIMEOUT:g} s", True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not the error's own words: they may have the URL.
            return f"it is out of reach ({type(error).__name__})", True

    def _dropped(self, announcement: Announcement, why: str) -> None:
        self._telemetry.outcomes.labels("dropped").inc()
        canary = announcement["canary"]
        log.warning(
            "Outcome not delivered",
            extra={
                "canary": f"{canary['namespace']}/{canary['name']}",
                "host": self._receiver.host,
                "why": why,
            },
        )
