"""What the operator's ServiceAccount may do, and what not, as questions to the authorizer."""

from dataclasses import dataclass

from kubernetes import client

from deployment import SERVICE_ACCOUNT

LINNET = "linnet.dev"
ISTIO = "networking.istio.io"
HOME = SERVICE_ACCOUNT[0]


@dataclass(frozen=True)
class May:
    """One question to the API server's authorizer: VERB RESOURCE[/SUBRESOURCE][.GROUP]."""

    verb: str
    resource: str
    namespace: str = "shop"

    def answer(self, api: client.ApiClient, account: tuple[str, str]) -> bool:
        resource, _, group = self.resource.partition(".")
        resource, _, subresource = resource.partition("/")
        attributes = client.V1ResourceAttributes(
            verb=self.verb,
            group=group,
            resource=resource,
            subresource=subresource,
            namespace=self.namespace,
            name="" if self.verb in {"list", "watch", "create"} else "podinfo",
        )
        question = client.V1SubjectAccessReviewSpec(
            user=f"system:serviceaccount:{account[0]}:{account[1]}",
            groups=[
                "system:serviceaccounts",
                f"system:serviceaccounts:{account[0]}",
                "system:authenticated",
            ],
            resource_attributes=attributes,
        )
        review = client.AuthorizationV1Api(api).create_subject_access_review(
            client.V1SubjectAccessReview(spec=question)
        )
        assert review.status is not None
        return bool(review.status.allowed)

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else " in all namespaces"
        return f"{self.verb} {self.resource}{where}"


_READ_AND_WRITE = ("list", "watch", "get", "create", "update", "patch")

NEEDED = [
    *[May(verb, f"canaries.{LINNET}") for verb in ("list", "watch", "get", "patch")],
    May("update", f"canaries/status.{LINNET}"),
    *[May(verb, "deployments.apps") for verb in _READ_AND_WRITE],
    May("update", "deployments/scale.apps"),
    *[May(v, "services") for v in ("list", "watch", "get", "create", "update")],
    *[May(verb, "endpointslices.discovery.k8s.io") for verb in ("list", "watch")],
    *[May(verb, f"virtualservices.{ISTIO}") for verb in (*_READ_AND_WRITE, "delete")],
    *[
        May(verb, f"destinationrules.{ISTIO}")
        for verb in ("list", "watch", "get", "create", "update")
    ],
    *[May(verb, "peerauthentications.security.istio.io") for verb in ("list", "watch")],
    May("create", "events.events.k8s.io"),
]
LEASES = [May(verb, "leases.coordination.k8s.io", HOME) for verb in ("get", "create", "update")]
POLICIES = [
    May("list", f"{kind}.admissionregistration.k8s.io", "")
    for kind in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
]
CLUSTER_WIDE = [
    *POLICIES,
    May("list", f"canaries.{LINNET}", ""),
    May("watch", "deployments.apps", ""),
    May("watch", f"virtualservices.{ISTIO}", ""),
]
NEVER = [
    *[May(verb, "secrets") for verb in ("get", "list", "watch", "create")],
    *[May(verb, "configmaps") for verb in ("get", "list", "create")],
    *[May(verb, "pods") for verb in ("get", "list", "create", "delete")],
    May("create", "pods/exec"),
    May("create", "pods/portforward"),
    May("get", "pods/log"),
    May("create", "serviceaccounts/token", HOME),
    *[May(verb, "deployments.apps") for verb in ("delete", "deletecollection")],
    *[May(verb, "services") for verb in ("delete", "deletecollection", "patch")],
    May("create", "services/proxy"),
    *[May(verb, f"canaries.{LINNET}") for verb in ("create", "update", "delete")],
    May("update", f"canaries/finalizers.{LINNET}"),
    May("deletecollection", f"virtualservices.{ISTIO}"),
    May("delete", f"destinationrules.{ISTIO}"),
    *[May(verb, f"gateways.{ISTIO}") for verb in ("get", "create")],
    May("create", f"envoyfilters.{ISTIO}"),
    May("create", "peerauthentications.security.istio.io"),
    May("create", "authorizationpolicies.security.istio.io"),
    *[May("create", f"{kind}.apps") for kind in ("daemonsets", "statefulsets", "replicasets")],
    May("create", "jobs.batch"),
    *[May(verb, "rolebindings.rbac.authorization.k8s.io") for verb in ("create", "bind")],
    *[May(verb, "clusterroles.rbac.authorization.k8s.io", "") for verb in ("create", "escalate")],
    May("get", "customresourcedefinitions.apiextensions.k8s.io", ""),
    May("create", "mutatingadmissionpolicies.admissionregistration.k8s.io", ""),
    May("list", "namespaces", ""),
    May("list", "nodes", ""),
    May("impersonate", "users", ""),
    *[May(verb, "leases.coordination.k8s.io", "kube-system") for verb in ("get", "update")],
    May("delete", "leases.coordination.k8s.io", HOME),
]
