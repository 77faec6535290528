"""Two VirtualServices for one host: Istio obeys the older one, and so does linnet."""

from e2e.app import NAME, App
from linnet.api.objects import ref_of


async def test_a_younger_virtual_service_with_the_host_is_told_of_and_stalls_nothing(
    app: App,
) -> None:
    """Where it was obeyed, requests would fail: it leads nowhere."""
    await app.create()
    await app.initialized()
    elsewhere = f"{app.namespace}-b"
    labels = dict(app.backend.namespace_labels)
    metadata = {"name": elsewhere, "labels": labels}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    await app.api.apply(namespace)
    rival = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "rival", "namespace": elsewhere},
        "spec": {
            "hosts": [f"{NAME}.{app.namespace}.svc.cluster.local"],
            "http": [{"route": [{"destination": {"host": "nowhere"}}]}],
        },
    }
    async with app.mesh_traffic(rps=50) as load:
        await load.more(20)
        await app.api.apply(rival)
        told = await app.condition("Impaired", "True", "HostShared")
        assert f"ignores VirtualService {elsewhere}/rival" in told["message"]
        await app.release("2.0.0")
        await app.phase("Succeeded")
        assert "Impaired" in {c["type"] for c in (await app.status())["conditions"]}
        await app.api.delete(ref_of(rival))
        await app.event("Unimpaired")
        assert "Impaired" not in {c["type"] for c in (await app.status())["conditions"]}
    assert load.counts().failed == 0, load.failed()[:5]
    await app.api.delete(ref_of(namespace))
