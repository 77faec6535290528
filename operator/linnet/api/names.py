"""Names that linnet gives to things in the cluster."""

GROUP = "linnet.dev"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "Canary"
PLURAL = "canaries"
SINGULAR = "canary"
SHORT_NAME = "lcan"
CATEGORY = "linnet"

FIELD_MANAGER = "linnet"
FINALIZER = f"{GROUP}/finalizer"

REVISION_ANNOTATION = f"{GROUP}/revision"
"""On a workload: the revision whose pod template it runs."""

ORIGINAL_ANNOTATION = f"{GROUP}/original"
"""On an object that linnet took over: what to put back when the Canary goes."""

APPLIED_ANNOTATION = f"{GROUP}/applied"
"""On an object that linnet writes: a hash of what it wrote last."""

REQUEST_ANNOTATION = f"{GROUP}/request"
"""On a Canary: what a person asks of the release under way."""

LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
"""On anything: the manifest that `kubectl apply` applied last; Argo CD writes it too."""

CONFIG_ANNOTATION = f"{GROUP}/config"
"""On the pod template of a workload of the user's own: what counts as a change besides images."""

WEIGHTS_ANNOTATION = f"{GROUP}/weights"
"""On a VirtualService of the user's own: the weights that linnet keeps in it, for which Canary."""

REPLICAS_ANNOTATION = f"{GROUP}/replicas"
"""On a target: the size that linnet took from its manifest last. While it is there, the
MutatingAdmissionPolicy of deploy/ keeps spec.replicas as it is when others write the Deployment."""

ASKED_ANNOTATION = f"{GROUP}/asked-replicas"
"""On a target: the size that others asked for while the policy kept another."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "linnet"

PRIMARY_SUFFIX = "-primary"
CANARY_SUFFIX = "-canary"
MAX_NAME_LENGTH = 63 - len(PRIMARY_SUFFIX)
"""How long a name may be so that it still fits a label value with either suffix."""
