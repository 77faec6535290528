"""What a pod of the test workload does, read from its image tag.

A tag is a version followed by any of these words, joined by `-`:

    errors-N       N % of the requests are answered 500
    resets-N       N % of the requests get no answer: the connection is closed
    slow-MS        every answer takes MS milliseconds longer
    after-S        the three above begin S seconds after the pod became ready
    never-ready    the pod never becomes ready
    crash          the container exits again and again; nothing listens
    slow-start-S   the pod becomes ready after S seconds

    podinfo:6.1.0                      a good version
    podinfo:6.1.1-errors-20            one that fails one request in five
    podinfo:6.1.2-slow-300-errors-0.5  a slow one with a few errors

On the local cluster the last three words are acted out by the node (kwok's stages), the others by
the workload; with kind all of them by the container. On the local cluster the
annotation `BEHAVIOUR_ANNOTATION` of a pod holds words that take the place of those in the tag, so
that a version can go bad, or recover, while it runs.
"""

import re
from dataclasses import dataclass

BEHAVIOUR_ANNOTATION = "cluster.linnet.dev/behaviour"

_WORD = re.compile(
    r"-(?:(?P<flag>never-ready|crash)"
    r"|(?P<word>errors|resets|slow-start|slow|after)-(?P<number>\d+(?:\.\d+)?))(?=-|$)"
)
# Meant as a word, yet none: a misspelt `-eror-20` must not pass as part of a healthy version.
_UNKNOWN = re.compile(r"-(?:[a-z]+-\d+(\.\d+)?|errors|resets|slow|slow-start|after)(?=-|$)")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What to do with requests. Shares are 0 to 1, `slow` is in seconds, so are the times."""

    errors: float = 0.0
    resets: float = 0.0
    slow: float = 0.0
    after: float = 0.0
    never_ready: bool = False
    crash: bool = False
    slow_start: float = 0.0

    def at(self, age: float) -> "Behaviour":
        """What holds this many seconds after the pod became ready."""
        return self if age >= self.after else HEALTHY

    def status(self, draw: float) -> int:
        """What a request gets, 0 for no answer. `draw` is a random number from 0 up to 1."""
        if draw < self.resets:
            return 0
        return 500 if draw < self.resets + self.errors else 200


HEALTHY = Behaviour()


def parse_tag(tag: str) -> Behaviour:
    """The behaviour that an image tag asks for.

    ValueError when the tag holds something that looks like a word but is none, a word twice, or a
    share above 100 %.
    """
    first = _WORD.search(tag)
    version, words = (tag[: first.start()], tag[first.start() :]) if first else (tag, "")
    if unknown := _UNKNOWN.search(version):
        raise ValueError(f"image tag {tag!r}: {unknown[0][1:]!r} is no behaviour ({_words()})")
    return _parse_words(words, f"image tag {tag!r}")


def parse_annotation(words: str) -> Behaviour:
    """The behaviour that the annotation asks for: words as in a tag, without a version."""
    return _parse_words(f"-{words}" if words else "", f"annotation {words!r}")


def image_tag(image: str) -> str:
    """The tag of an image reference; `latest` when it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"


def _parse_words(words: str, where: str) -> Behaviour:
    found: dict[str, float | bool] = {}
    position = 0
    while position < len(words):
        match = _WORD.match(words, position)
        if match is None:
            raise ValueError(f"{where}: {words[position + 1 :]!r} is no behaviour ({_words()})")
        name, value = _value(match, where)
        if name in found:
            raise ValueError(f"{where}: {name!r} is there twice")
        found[name] = value
        position = match.end()
    return Behaviour(**found)  # type: ignore[arg-type]  # flags are bool, the rest float: see _value


def _value(match: re.Match[str], where: str) -> tuple[str, float | bool]:
    if match["flag"]:
        return match["flag"].replace("-", "_"), True
    word, number = match["word"], float(match["number"])
    if word in ("errors", "resets"):
        if number > 100:
            raise ValueError(f"{where}: {word} are a percentage, {number:g} is above 100")
        return word, number / 100
    if word == "slow":
        return word, number / 1000
    return word.replace("-", "_"), number


def _words() -> str:
    return "known: errors-N, resets-N, slow-MS, after-S, never-ready, crash, slow-start-S"
