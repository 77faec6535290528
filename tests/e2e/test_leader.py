"""Several operators, one leader."""

from collections.abc import Callable

from e2e.app import App
from e2e.operator import Operator
from linnet.api.objects import ObjectRef


async def test_two_operators_at_once_do_no_harm(
    app: App, own_operator: Callable[..., Operator]
) -> None:
    await app.create()
    pair = [own_operator(name) for name in ("a", "b")]
    for operator in pair:
        await operator.ready()
    await app.initialized()
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(20)
        leaders = [operator for operator in pair if await operator.leads()]
        assert len(leaders) == 1
        leaders[0].kill9()
        await app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]
    await app.event("Promoted")
    assert (await app.events()).count("Promoted") == 1


async def test_without_a_lease_two_operators_still_do_no_harm(
    app: App, own_operator: Callable[..., Operator]
) -> None:
    """Every write is fenced by the resourceVersion of what it was decided on."""
    await app.create()
    for name in ("a", "b"):
        operator = own_operator(name, elect=False)
        await operator.ready()
    await app.initialized()
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.phase("Succeeded")
        await app.release("3.0.0-errors-100")
        await app.phase("Failed")
        await app.weight(0)
    assert await app.api.get(ObjectRef("Deployment", app.namespace, "podinfo-primary"))
    assert load.by_version()["2.0.0"]
