"""The objects of the demo."""

import yaml

from demo import example
from demo.options import Options
from linnet.api.canary import Canary
from linnet.api.duration import parse_duration


def test_the_canary_is_one_that_linnet_reads() -> None:
    obj = example.canary(Options(interval="3s"))
    canary = Canary.from_object(
        {**obj, "metadata": {**obj["metadata"], "uid": "u", "resourceVersion": "1"}}
    )
    analysis = canary.spec.analysis
    assert analysis is not None
    assert analysis.interval == parse_duration("3s")
    assert analysis.step_weights == example.LADDER
    assert analysis.threshold == example.THRESHOLD
    assert canary.target_name == example.deployment(Options())["metadata"]["name"]


def test_a_release_changes_the_image_and_nothing_else() -> None:
    deployment = example.deployment(Options(stable="7.0.0"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith("/podinfo:7.0.0")
    *_, change = example.release("7.1.0")
    assert change == f"{container['name']}={container['image'].replace('7.0.0', '7.1.0')}"


def test_the_example_itself_stays_as_it_is() -> None:
    before = list(yaml.safe_load_all(example.EXAMPLE.read_text()))
    example.canary(Options())
    example.deployment(Options())
    assert list(yaml.safe_load_all(example.EXAMPLE.read_text())) == before
