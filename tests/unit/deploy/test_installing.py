"""docs/installing.md says what the command, the metrics and the manifests say."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from prometheus_client import CollectorRegistry

from linnet.adapters.prometheus import PrometheusMetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.telemetry import Telemetry
from linnet.cli.run import run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
KUSTOMIZE = ROOT / "deploy" / "kustomize"


def rows(section: str) -> list[list[str]]:
    """Return the cells of a section's tables, header lines left out."""
    text = PAGE.split(f"\n## {section}\n", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in cells if row[0].startswith("`") or not row[0]]


def documented_flags() -> Iterator[tuple[str, str, str]]:
    for row in rows("Settings"):
        flag, variable, default = row[:3]
        yield flag.strip("`"), variable.strip("`"), default


def flags() -> Iterator[tuple[str, str, str]]:
    """Return flag, environment variable and default of each option of `linnet run`."""
    prefix = run.context_settings["auto_envvar_prefix"]
    for option in run.params:
        assert isinstance(option, click.Option)
        default = "" if callable(option.default) or option.multiple else str(option.default)
        default = default.lower() if option.is_flag else default
        if isinstance(option.show_default, str):
            shown = re.sub(r"\$\w+", r"`\g<0>`", option.show_default)
        else:
            shown = f"`{default}`" if default else ""
        yield option.opts[0], f"{prefix}_{str(option.name).upper()}", shown


@pytest.mark.parametrize("flag", [pytest.param(f, id=f[0]) for f in flags()])
def test_a_flag_is_there_with_its_variable_and_default(flag: tuple[str, str, str]) -> None:
    assert flag in set(documented_flags())


def test_no_flag_is_there_that_does_not_exist() -> None:
    assert {flag for flag, *_ in documented_flags()} == {flag for flag, *_ in flags()}


async def test_all_metrics_are_there_and_no_others() -> None:
    telemetry = Telemetry()
    telemetry.tell_canaries(list)
    prometheus = CollectorRegistry()
    client = PrometheusMetrics(PrometheusPool("http://127.0.0.1:9", registry=prometheus))
    families = [*telemetry.registry.collect(), *prometheus.collect()]
    await client.close()
    client.pool.close()
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if family.name.startswith("linnet_")
    }
    told = {
        name for row in rows("Ports and metrics") for name in re.findall(r"`(linnet_\w+)", row[0])
    }
    assert told == exported


def test_the_permissions_are_those_of_the_roles() -> None:
    told: dict[str, set[str]] = {}
    resource = ""
    for row in rows("Permissions"):
        named = re.findall(r"`([\w/]+)`", row[0])
        resource = named[-1] if named else resource
        told.setdefault(resource, set()).update(row[1].split(", "))
    granted: dict[str, set[str]] = {}
    for file in ("permissions/cluster/role.yaml", "base/lease.yaml"):
        for document in yaml.safe_load_all((KUSTOMIZE / file).read_text(encoding="utf-8")):
            for rule in document.get("rules", ()):
                for name in rule["resources"]:
                    granted.setdefault(name, set()).update(rule["verbs"])
    assert told == granted


@pytest.mark.parametrize("page", ["docs/installing.md", "deploy/helm/linnet/README.md"])
def test_its_links_lead_somewhere(page: str) -> None:
    file = ROOT / page
    text = file.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        assert (file.parent / target).exists()
        assert target or anchor in headings
