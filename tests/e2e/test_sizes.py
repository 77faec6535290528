"""Sizes in Git, while linnet scales the target: nobody undoes the other."""

from collections.abc import AsyncIterator

import pytest

from e2e.adopted import install_policies, policies_keep, remove_policies
from e2e.api import Api
from e2e.app import App


@pytest.fixture
async def guarded(app: App, api: Api) -> AsyncIterator[App]:
    """An app whose manifest, with its size, is applied again and again; policies are installed."""
    await install_policies(api)
    yield app
    print(await app.status())  # what a failure is explained by
    await remove_policies(api)


async def _sizes(app: App) -> tuple[int, int]:
    found = [await app.api.get(app.ref("Deployment", suffix)) for suffix in ("", "-primary")]
    target, primary = ((live or {})["spec"]["replicas"] for live in found)
    return target, primary


async def test_a_size_in_git_goes_to_the_primary_and_scales_no_target(guarded: App) -> None:
    app = guarded
    await app.create(replicas=2)
    async with app.traffic() as load:
        await app.initialized()
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await policies_keep(app.api, app.deployment("1.0.0", 2))
        for _ in range(3):
            await app.api.apply(app.deployment("1.0.0", 2))
            assert await _sizes(app) == (0, 2)
        await app.api.apply(app.deployment("1.0.0", 3))
        assert (await _sizes(app))[0] == 0, "not for a moment"
        await app.api.until(app.ref("Deployment", "-primary"), lambda d: d["spec"]["replicas"] == 3)
        await app.api.apply(app.deployment("2.0.0", 3))
        await app.phase("Succeeded")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await app.api.apply(app.deployment("2.0.0", 3))
        assert await _sizes(app) == (0, 3)
        await app.api.delete(app.canary_ref)
        await app.api.until_gone(app.canary_ref)
        live = await app.api.apply(app.deployment("2.0.0", 2))
        assert live["spec"]["replicas"] == 2, "Git says the size again"
        assert not [key for key in live["metadata"]["annotations"] if key.startswith("linnet.dev/")]
    assert load.counts().failed == 0
