"""What a person clicks in Argo CD is done, on the revision it was meant for."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from cluster import addresses
from e2e.gitops.managed import CANARY, ManagedApp
from linnet.api.names import GROUP, KIND, REQUEST_ANNOTATION, VERSION

SLOW = {"interval": "1h", "stepWeights": [20, 50]}
"""An analysis that goes up by request only."""


class Menu:
    """The menu of an Application's Canary, by way of Argo CD's API server."""

    def __init__(self, session: aiohttp.ClientSession, app: ManagedApp) -> None:
        self._session = session
        self._app = app

    @property
    def _canary(self) -> dict[str, str]:
        return {
            "namespace": self._app.namespace,
            "resourceName": self._app.canary_ref.name,
            "group": GROUP,
            "version": VERSION,
            "kind": KIND,
        }

    async def shown(self) -> dict[str, dict[str, Any]]:
        """Return the actions by their names, as the page gets them."""
        url = f"/api/v1/applications/{self._app.application.name}/resource/actions"
        async with self._session.get(url, params=self._canary) as answer:
            assert answer.status == 200, await answer.text()
            actions = (await answer.json())["actions"]
        return {action["name"]: action for action in actions}

    async def enabled(self) -> set[str]:
        """Return the names of the actions that can be clicked."""
        shown = await self.shown()
        return {name for name, action in shown.items() if not action.get("disabled")}

    async def click(self, action: str) -> str:
        """Run an action; return what linnet made of it once it has. It must do it."""
        before = (await self._app.status()).get("request")
        url = f"/api/v1/applications/{self._app.application.name}/resource/actions/v2"
        body = {**self._canary, "name": self._app.application.name, "action": action}
        async with self._session.post(url, json=body) as answer:
            assert answer.status == 200, await answer.text()
        canary = await self._app.api.until(
            self._app.canary_ref,
            lambda canary: (
                canary["status"].get("request") not in (None, before)
                and not canary["status"]["request"]["present"]
            ),
        )
        request = canary["status"]["request"]
        assert request["accepted"], request
        assert REQUEST_ANNOTATION not in canary["metadata"].get("annotations", {})
        return str(request["text"])


@pytest.fixture
async def menu(managed: ManagedApp) -> AsyncIterator[Menu]:
    """The menu of the app's Canary."""
    async with aiohttp.ClientSession(addresses.ARGOCD_URL) as session:
        yield Menu(session, managed)


async def releasing(app: ManagedApp) -> str:
    """Bring a release to its first step, which it keeps; return its revision."""
    await app.deploy("1.0.0", analysis=SLOW)
    await app.release("2.0.0")
    await app.weight(20)
    return str((await app.status())["revision"])


async def test_abort_and_retry_are_done_on_the_revision_that_is_shown(
    managed: ManagedApp, menu: Menu
) -> None:
    revision = await releasing(managed)
    async with managed.traffic() as load:
        assert await menu.enabled() == {"promote", "skip-step", "pause", "abort"}
        assert await menu.click("abort") == f"abort @{revision}"
        await managed.weight(0)
        await managed.application.shows(lambda seen: seen.health == "Degraded", "Degraded")
        assert await menu.enabled() == {"retry"}
        assert await menu.click("retry") == f"retry @{revision}"
        await managed.weight(20)
        await managed.application.shows(lambda seen: seen.health == "Progressing", "Progressing")
    assert load.counts().failed == 0, load.failed()[:5]
    managed.application.record.check()  # Git has no request, nor needs one


async def test_a_paused_release_is_suspended_until_somebody_goes_on(
    managed: ManagedApp, menu: Menu
) -> None:
    revision = await releasing(managed)
    async with managed.traffic() as load:
        assert await menu.click("pause") == f"pause @{revision}"
        await managed.application.shows(lambda seen: seen.health == "Suspended", "Suspended")
        assert await menu.enabled() == {"promote", "skip-step", "resume", "abort"}
        assert await menu.click("skip-step") == f"skip-step @{revision}"
        await managed.weight(50)
        assert await menu.click("resume") == f"resume @{revision}"
        await managed.application.shows(lambda seen: seen.health == "Progressing", "Progressing")
        assert await menu.click("promote") == f"promote @{revision}"
        await managed.phase("Succeeded")
        await managed.application.healthy()
        assert await menu.enabled() == set()
    assert load.counts().failed == 0, load.failed()[:5]
    managed.application.record.check()
    assert "Unknown" not in managed.application.record.healths


async def test_the_menu_has_titles_and_icons(managed: ManagedApp, menu: Menu) -> None:
    await managed.deploy("1.0.0")
    shown = await menu.shown()
    assert {name: action["displayName"] for name, action in shown.items()} == {
        "promote": "Promote Now",
        "skip-step": "Skip Step",
        "pause": "Pause",
        "resume": "Resume",
        "abort": "Abort",
        "retry": "Retry",
    }
    assert all(action["iconClass"].startswith("fa fa-fw fa-") for action in shown.values())


async def test_a_request_that_was_committed_is_done_once_and_not_fought_over(
    managed: ManagedApp, menu: Menu
) -> None:
    revision = await releasing(managed)
    committed = managed.manifest(analysis=SLOW)
    committed["metadata"]["annotations"] = {REQUEST_ANNOTATION: f"pause @{revision}"}
    commit = await managed.commit("Pause", {CANARY: committed})
    await managed.application.synced(commit, "Suspended")
    managed.application.record.check()
    await menu.click("resume")
    # Argo CD puts the committed request back, as selfHeal has to.
    canary = await managed.api.until(
        managed.canary_ref,
        lambda canary: REQUEST_ANNOTATION in canary["metadata"].get("annotations", {}),
    )
    assert canary["status"]["request"]["text"] == f"resume @{revision}"
    await managed.application.synced(commit, "Progressing")
    async with managed.traffic() as load:
        commit = await managed.commit(
            "Go on", {CANARY: managed.manifest(analysis={"interval": "1s", "stepWeights": [20]})}
        )
        await managed.application.synced(commit)
        await menu.click("promote")
        await managed.phase("Succeeded")
        await managed.application.healthy()
    assert load.counts().failed == 0, load.failed()[:5]
