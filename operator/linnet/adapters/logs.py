"""Logs for people (text) or for machines (JSON): a constant message, then keys and values."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET = ("kopf", "aiohttp", "asyncio", "kubernetes", "urllib3")


def configure(style: str, level: str, stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (stderr) in one of FORMATS, from one of LEVELS on.

    Libraries speak of what they do at info; that is for debugging only here.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    if level != "debug":
        handler.addFilter(_is_news)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")


def _is_news(record: logging.LogRecord) -> bool:
    # kopf reports every try of every watch while the API server is away: the first one will do.
    message = record.getMessage()
    return not message.startswith("Request attempt #") or message.startswith("Request attempt #1/")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    # kopf attaches the object and its own settings to a record.
    return {
        key: value
        for key, value in vars(record).items()
        if key not in _OWN and not key.startswith(("k8s_", "_")) and key != "settings"
    }


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={_quoted(value)}" for key, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.getMessage()}{fields}"
        return line + _trace(self, record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{
                key: value if _plain(value) else str(value)
                for key, value in _fields(record).items()
            },
        }
        if trace := _trace(self, record).strip():
            entry["traceback"] = trace
        return json.dumps(entry, ensure_ascii=False)


def _quoted(value: object) -> str:
    text = str(value)
    return text if text and not set(' "\n=') & set(text) else json.dumps(text, ensure_ascii=False)


def _plain(value: object) -> bool:
    return value is None or type(value) in (str, int, float, bool)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return f"\n{formatter.formatException(record.exc_info)}" if record.exc_info else ""
