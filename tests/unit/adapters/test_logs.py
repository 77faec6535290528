"""Logs: a constant message and its fields, for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from linnet.adapters import logs
from linnet.api.objects import ObjectRef


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(style: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(style, level, stream)
    return stream


def test_text_has_fields_as_key_and_value() -> None:
    stream = written("text")
    extra = {"canary": ObjectRef("Canary", "shop", "web"), "weight": 10, "why": "all is well"}
    logging.getLogger("linnet.test").info("Decided", extra=extra)
    line = stream.getvalue()
    assert line.endswith('INFO    Decided canary="Canary shop/web" weight=10 why="all is well"\n')
    assert line.count("\n") == 1


def test_a_field_cannot_forge_another_line() -> None:
    stream = written("text")
    logging.getLogger("linnet.test").info("Refused", extra={"error": "bad\nERROR forged=1"})
    assert stream.getvalue().count("\n") == 1


def test_json_is_one_object_a_line_with_the_same_fields() -> None:
    stream = written("json")
    extra = {"canary": ObjectRef("Canary", "shop", "web"), "weight": 10}
    logging.getLogger("linnet.test").warning("Decided", extra=extra)
    entry = json.loads(stream.getvalue())
    assert entry | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "linnet.test",
        "message": "Decided",
        "canary": "Canary shop/web",
        "weight": 10,
    }


@pytest.mark.parametrize("style", logs.FORMATS)
def test_a_bug_comes_with_its_traceback(style: str) -> None:
    stream = written(style)
    try:
        raise KeyError("spec")
    except KeyError:
        logging.getLogger("linnet.test").exception("Unexpected error")
    assert "Traceback" in stream.getvalue()
    assert "KeyError" in stream.getvalue()


def test_libraries_are_quiet_unless_debugging() -> None:
    stream = written("text")
    logging.getLogger("kopf.objects").info("Handler succeeded")
    assert not stream.getvalue()
    stream = written("text", "debug")
    logging.getLogger("kopf.objects").info("Handler succeeded")
    assert "Handler succeeded" in stream.getvalue()
