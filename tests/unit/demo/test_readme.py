"""The README's Canary works, and its picture can be seen."""

import re
from pathlib import Path

import yaml

from linnet.api.canary import Canary

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_canary_to_copy_is_one_that_linnet_reads() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    obj = yaml.safe_load(block)
    given = {"namespace": "shop", "uid": "u", "resourceVersion": "1"}
    canary = Canary.from_object({**obj, "metadata": {**obj["metadata"], **given}})
    assert canary.target_name == canary.name
    assert len(block.splitlines()) <= 15


def test_the_picture_needs_nothing_from_the_network() -> None:
    (path,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    picture = (ROOT / path).read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", picture))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "1.1.0 was promoted" in picture.replace("&#160;", " ")
