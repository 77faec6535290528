"""Every analysis that is there to be copied lets healthy releases through, and stops bad ones.

Traffic is that of `linnet simulate` without options: 50 requests a second, 0.5% of which fail.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from linnet.api.analysis import Analysis
from linnet.api.canary import Canary
from linnet.api.names import API_VERSION, KIND
from linnet.simulation.behaviour import Behaviour
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Outcome
from linnet.simulation.world import Run

ROOT = Path(__file__).parents[3]
TRAFFIC, SCRAPE = Traffic(50), 15.0
BASE, BAD = 0.005, 0.05
SEED = 7
HEALTHY, AT_MOST = 200, 0.01
MINUTES = 4
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def manifests() -> Iterator[tuple[str, str]]:
    """Yield where manifests are, and their text."""
    for folder in ("examples", "deploy/argocd/app-of-apps"):
        for file in sorted((ROOT / folder).rglob("*.yaml")):
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            if f"kind: {KIND}\n" in block:
                yield str(page.relative_to(ROOT)), block


def analyses() -> dict[str, Analysis]:
    """Return each analysis once, by where its Canaries are."""
    found: dict[Analysis, list[str]] = {}
    for where, text in manifests():
        for one in yaml.safe_load_all(text):
            if (one.get("apiVersion"), one.get("kind")) == (API_VERSION, KIND) and "spec" in one:
                spec = Canary.from_object(one).spec
                found.setdefault(spec.analysis, []).append(where)
    return {" ".join(places): analysis for analysis, places in found.items()}


SHIPPED = analyses()


def played(analysis: Analysis, errors: float, runs: int) -> list[Run]:
    given = Circumstances(TRAFFIC, Behaviour(BASE), Behaviour(errors), SCRAPE)
    experiment = Experiment.of(analysis, given, None)
    return list(experiment.play(experiment.decider, runs, SEED))


def test_the_canaries_that_people_copy_are_among_them() -> None:
    places = {place for where in SHIPPED for place in where.split()}
    assert places >= {
        "README.md",
        "docs/canary.md",
        "docs/primary-ref.md",
        "examples/podinfo.yaml",
        "examples/reviews/production/canary.yaml",
        "deploy/argocd/app-of-apps/sample/canary/canary.yaml",
    }


@pytest.mark.parametrize("analysis", SHIPPED.values(), ids=SHIPPED.keys())
def test_of_healthy_releases_one_in_a_hundred_at_most_is_taken_back(analysis: Analysis) -> None:
    runs = played(analysis, BASE, HEALTHY)
    back = [run.reason for run in runs if run.outcome is Outcome.ROLLED_BACK]
    assert len(back) <= AT_MOST * HEALTHY, back


@pytest.mark.parametrize("analysis", SHIPPED.values(), ids=SHIPPED.keys())
def test_a_canary_that_fails_5_percent_is_taken_back_within_minutes(analysis: Analysis) -> None:
    runs = played(analysis, BAD, 50)
    assert {run.outcome for run in runs} == {Outcome.ROLLED_BACK}
    assert max(run.seconds for run in runs) <= 60 * MINUTES
