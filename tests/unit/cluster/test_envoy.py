import json
import subprocess
from pathlib import Path

import pytest

from cluster.binaries import program
from cluster.envoy import CALLER, GATEWAY, Proxy


@pytest.mark.parametrize("proxy", [pytest.param(p, id=p.name) for p in (GATEWAY, CALLER)])
def test_envoy_accepts_the_bootstrap_and_the_flags(proxy: Proxy, tmp_path: Path) -> None:
    bootstrap = tmp_path / "bootstrap.json"
    bootstrap.write_text(json.dumps(proxy.bootstrap()))
    command = proxy.command(program("envoy"), bootstrap, tmp_path / "envoy.log")
    done = subprocess.run([*command, "--mode", "validate"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + (tmp_path / "envoy.log").read_text()


def test_the_proxies_can_run_side_by_side() -> None:
    for attribute in ("name", "node_id", "address", "admin_port", "workload"):
        assert getattr(GATEWAY, attribute) != getattr(CALLER, attribute)
