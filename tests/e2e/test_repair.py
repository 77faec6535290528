"""What others change by hand, linnet puts back."""

import pytest

from e2e.app import App, weights
from linnet.api.objects import ObjectRef

AT_ONCE = 5.0
"""Seconds; as a rule it is a tenth of one. What backs off waits longer, some time or other."""


async def test_a_weight_edited_by_hand_is_put_back_at_once(app: App) -> None:
    await app.create()
    await app.initialized()
    async with app.traffic() as load:
        for _ in range(3):
            live = await app.api.get(app.ref("VirtualService"))
            assert live is not None
            http = live["spec"]["http"]
            http[0]["route"][0]["weight"], http[0]["route"][1]["weight"] = 60, 40
            await app.api.patch(app.ref("VirtualService"), {"spec": {"http": http}})
            await app.weight(0, within=AT_ONCE)
    assert weights((await app.api.get(app.ref("VirtualService"))) or {}) == (100, 0)
    assert load.between(load.requests()[0].at).by_version()["1.0.0"]


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        pytest.param("VirtualService", "", id="VirtualService"),
        pytest.param("Service", "", id="apex Service"),
        pytest.param("Service", "-primary", id="primary Service"),
        pytest.param("Service", "-canary", id="canary Service"),
        pytest.param("DestinationRule", "-primary", id="DestinationRule"),
    ],
)
async def test_a_deleted_object_is_restored_at_once(app: App, kind: str, suffix: str) -> None:
    await app.create()
    await app.initialized()
    ref = app.ref(kind, suffix)
    before = await app.api.get(ref)
    assert before is not None
    await app.api.delete(ref)
    after = await app.api.until(
        ref, lambda obj: obj["metadata"]["uid"] != before["metadata"]["uid"], within=AT_ONCE
    )
    assert after["spec"].get("selector") == before["spec"].get("selector")
    async with app.traffic():
        await app.release("2.0.0")
        await app.phase("Succeeded")


async def test_a_fight_over_an_object_backs_off(app: App) -> None:
    await app.create()
    await app.initialized()
    ref = app.ref("VirtualService")
    for round_number in range(12):
        live = await app.api.get(ref)
        assert live is not None
        http = live["spec"]["http"]
        http[0]["route"][0]["weight"], http[0]["route"][1]["weight"] = 60, 40
        await app.api.patch(ref, {"spec": {"http": http}})
        try:
            await app.weight(0, within=AT_ONCE)
        except AssertionError:
            assert round_number >= 3, "the first restorations come at once"
            break
    else:
        raise AssertionError("twelve restorations in a row, and no back-off")
    await app.weight(0)
    owner = ObjectRef("Canary", app.namespace, "podinfo")
    assert await app.api.get(owner) is not None
