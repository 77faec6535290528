"""The keys, certificates, tokens and kubeconfigs of a throw-away cluster."""

import base64
import json
import secrets
from collections.abc import Iterable
from pathlib import Path

import trustme

from cluster.addresses import API_SERVER_URL
from cluster.state import Folder

ADMIN = "admin"


def context_name(cluster: str) -> str:
    """The name of the kubeconfig context of a test cluster; nothing else is called like that."""
    return f"linnet-{cluster}"


def write(folder: Folder, cluster: str, users: Iterable[str]) -> None:
    """Make new credentials: for the servers, and a token for each user.

    All users are administrators. They have names of their own so that the API server's records
    tell them apart.
    """
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc", "10.96.0.1")
    authority.cert_pem.write_to_path(str(ca_file(folder)))
    server.cert_chain_pems[0].write_to_path(str(certificate_file(folder)))
    server.private_key_pem.write_to_path(str(key_file(folder)))
    authority.issue_cert("service-accounts").private_key_pem.write_to_path(
        str(service_account_key(folder))
    )
    tokens = {user: secrets.token_urlsafe(24) for user in (ADMIN, *users)}
    token_file(folder).write_text(
        "".join(f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items())
    )
    for user, token in tokens.items():
        path = folder.kubeconfig if user == ADMIN else folder.component_kubeconfig(user)
        path.write_text(_kubeconfig(context_name(cluster), user, token, authority.cert_pem.bytes()))
        path.chmod(0o600)


def ca_file(folder: Folder) -> Path:
    """The certificate that vouches for the API server and for istiod."""
    return folder.config / "ca.pem"


def certificate_file(folder: Folder) -> Path:
    """The certificate of the API server and of istiod."""
    return folder.config / "server.pem"


def key_file(folder: Folder) -> Path:
    """The key of `certificate_file`; apart, since istiod refuses both in one file."""
    return folder.config / "server-key.pem"


def service_account_key(folder: Folder) -> Path:
    """The key that signs the tokens of ServiceAccounts."""
    return folder.config / "service-accounts.pem"


def token_file(folder: Folder) -> Path:
    """The users that the API server knows, with their tokens."""
    return folder.config / "tokens.csv"


def _kubeconfig(context: str, user: str, token: str, authority: bytes) -> str:
    # JSON, so that it is a kubeconfig for everybody and needs no quoting; JSON is YAML.
    authority_data = base64.b64encode(authority).decode()
    cluster = {"server": API_SERVER_URL, "certificate-authority-data": authority_data}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
        },
        indent=2,
    )
