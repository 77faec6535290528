import pytest

from cluster.behaviour import Behaviour, image_tag, parse_annotation, parse_tag


@pytest.mark.parametrize(
    ("tag", "behaviour"),
    [
        pytest.param("6.1.0", Behaviour(), id="a version alone is healthy"),
        pytest.param("latest", Behaviour(), id="a tag need not be a number"),
        pytest.param("1.27-alpine", Behaviour(), id="a variant without number is part of it"),
        pytest.param("6.1.1-errors-20", Behaviour(errors=0.2), id="errors are a percentage"),
        pytest.param("6.1.1-errors-0.5", Behaviour(errors=0.005), id="with decimals if need be"),
        pytest.param("6.1.1-errors-100", Behaviour(errors=1.0), id="up to all of them"),
        pytest.param("6.1.1-resets-5", Behaviour(resets=0.05), id="resets are a percentage"),
        pytest.param("6.1.1-slow-300", Behaviour(slow=0.3), id="slowness is in milliseconds"),
        pytest.param("6.1.1-never-ready", Behaviour(never_ready=True), id="never ready"),
        pytest.param("6.1.1-crash", Behaviour(crash=True), id="crashing"),
        pytest.param("6.1.1-slow-start-5", Behaviour(slow_start=5), id="slow start is in seconds"),
        pytest.param(
            "6.1.1-slow-start-5-slow-20",
            Behaviour(slow_start=5, slow=0.02),
            id="both kinds of slow",
        ),
        pytest.param(
            "1.27-alpine-errors-5-after-30",
            Behaviour(errors=0.05, after=30),
            id="words follow a variant, and combine",
        ),
    ],
)
def test_a_tag_says_how_a_pod_behaves(tag: str, behaviour: Behaviour) -> None:
    assert parse_tag(tag) == behaviour


@pytest.mark.parametrize(
    ("tag", "complaint"),
    [
        pytest.param("6.1.0-error-20", "'error-20' is no behaviour", id="misspelt, alone"),
        pytest.param("6.1.0-slow-300-eror-20", "'eror-20' is no behaviour", id="after a good one"),
        pytest.param("6.1.0-errors", "'errors' is no behaviour", id="a word without its number"),
        pytest.param("6.1.0-errors-20-rc1", "'rc1' is no behaviour", id="a variant behind words"),
        pytest.param("6.1.0-errors-120", "120 is above 100", id="more errors than requests"),
        pytest.param("6.1.0-errors-5-errors-20", "'errors' is there twice", id="a word twice"),
    ],
)
def test_a_tag_that_is_misspelt_never_counts_as_healthy(tag: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_tag(tag)


def test_an_annotation_holds_the_words_alone() -> None:
    assert parse_annotation("errors-20-slow-5") == Behaviour(errors=0.2, slow=0.005)
    assert parse_annotation("") == Behaviour()
    with pytest.raises(ValueError, match=r"annotation '6.1.0-errors-20'"):
        parse_annotation("6.1.0-errors-20")


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        pytest.param("podinfo:6.1.0", "6.1.0", id="short"),
        pytest.param("ghcr.io/stefanprodan/podinfo:6.1.0", "6.1.0", id="with a registry"),
        pytest.param("localhost:5000/podinfo", "latest", id="a port is no tag"),
        pytest.param("podinfo:6.1.0@sha256:0123", "6.1.0", id="a digest may follow"),
    ],
)
def test_the_tag_of_an_image(image: str, tag: str) -> None:
    assert image_tag(image) == tag
