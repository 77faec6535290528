"""`spec.service`: how requests reach the workload."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from linnet.api.duration import Timeout
from linnet.api.istio import (
    As,
    CorsPolicy,
    Headers,
    Match,
    Object,
    Retries,
    Rewrite,
    TrafficPolicy,
)
from linnet.api.names import MAX_NAME_LENGTH
from linnet.api.rules import Model, Rule, differs, matcher, matches
from linnet.api.scalars import DNS_LABEL, DNS_SUBDOMAIN, Port, whole

SERVICE_NAME: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
MESH: Final = "mesh"
"""The name that stands for all sidecars in a list of gateways."""

Gateway = Annotated[
    str,
    StringConstraints(max_length=253),
    matches(
        f"^({DNS_LABEL}/)?{DNS_SUBDOMAIN}$",
        "must be mesh, or a gateway's NAME or NAMESPACE/NAME in lower case",
    ),
]
Host = Annotated[
    str,
    StringConstraints(max_length=253),
    matches(
        f"^([*]|([*][.])?{DNS_SUBDOMAIN})$",
        "must be a host name in lower case such as shop.example.com, *.example.com, or *",
    ),
]
PortName = Annotated[
    str,
    StringConstraints(max_length=63),
    matches(
        f"^{DNS_LABEL}$", "must consist of lower case letters, digits and inner dashes, as in http"
    ),
    differs(
        "^(tcp|tls|https|udp|mongo|mysql|redis)(-.*)?$",
        "Istio takes the protocol from this name, and linnet shifts HTTP and gRPC only: use a name"
        " such as http, http2, grpc or grpc-web",
    ),
]

_CONTAINER_PORT_NAME: Final = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_is_port_name, _has_letter = matcher(_CONTAINER_PORT_NAME), matcher("[a-z]")


def _is_port(value: int | str) -> bool:
    if isinstance(value, int):
        return 1 <= value <= 65535
    return _is_port_name(value) and _has_letter(value) and "--" not in value


def _int_or_str(value: Any) -> int | str:
    value = whole(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("int_or_string", "must be a port number or the name of a port")
    if isinstance(value, str) and len(value) > 15:
        raise PydanticCustomError("int_or_string", "the name of a port has at most 15 characters")
    return value


TargetPort = Annotated[
    int | str,
    PlainValidator(_int_or_str),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 15}),
    Rule(
        "type(self) == int ? self >= 1 && self <= 65535 :"
        f" self.matches('{_CONTAINER_PORT_NAME}') && self.matches('[a-z]') && !self.contains('--')",
        "must be a port number from 1 to 65535, or the name of a container port",
        _is_port,
    ),
]


class Service(Model):
    """How requests reach the workload."""

    rules: ClassVar = (
        Rule(
            "!has(self.hosts) || !('*' in self.hosts) ||"
            f" has(self.gateways) && size(self.gateways) > 0 && !('{MESH}' in self.gateways)",
            "the host * is for gateways only: list gateways without mesh, or name the hosts",
            lambda s: "*" not in s.hosts or (bool(s.gateways) and MESH not in s.gateways),
            field="hosts",
        ),
    )

    name: (
        Annotated[
            str,
            StringConstraints(max_length=MAX_NAME_LENGTH),
            matches(
                SERVICE_NAME,
                "must consist of lower case letters, digits and inner dashes, and begin with a"
                " letter",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="The name of the Service that clients call, and of the VirtualService. Two more"
        " Services get it with -primary and -canary appended. Default: targetRef.name.",
    )
    port: Port = Field(description="The port of the Service.")
    port_name: PortName = Field(
        default="http",
        description="The name of the Service's port. Istio takes the protocol from it: http, http2,"
        " grpc or grpc-web, alone or followed by a dash and more.",
    )
    target_port: TargetPort | None = Field(
        default=None,
        description="The container port that requests go to, by number or by name. Default: port.",
    )
    gateways: Annotated[tuple[Gateway, ...], Field(max_length=32)] = Field(
        default=(),
        description="The Istio gateways that the routes are bound to, as NAME or NAMESPACE/NAME;"
        " mesh stands for all sidecars. Default: mesh.",
    )
    hosts: Annotated[tuple[Host, ...], Field(max_length=32)] = Field(
        default=(),
        description="The hosts that the routes are for, besides the Service's own name, which is"
        " always among them unless * is.",
    )
    match: Annotated[tuple[Annotated[Object, As(Match)], ...], Field(max_length=32)] = Field(
        default=(),
        description="Which requests are routed, as Istio's HTTPMatchRequest; one match is enough."
        " Default: all.",
    )
    rewrite: Annotated[Object, As(Rewrite)] | None = Field(
        default=None,
        description="How requests are rewritten before they are forwarded, as Istio's HTTPRewrite.",
    )
    retries: Annotated[Object, As(Retries)] | None = Field(
        default=None,
        description="When a failed request is tried again, as Istio's HTTPRetry. Default: Istio's"
        " own, two more tries when no connection came about.",
    )
    timeout: Timeout | None = Field(
        default=None,
        description="How long a request may take before it is answered with 504: a duration of at"
        " least 1ms. Default: no limit.",
    )
    headers: Annotated[Object, As(Headers)] | None = Field(
        default=None,
        description="Which headers are set, added or removed, as Istio's Headers with request and"
        " response.",
    )
    cors_policy: Annotated[Object, As(CorsPolicy)] | None = Field(
        default=None,
        description="The policy of cross-origin resource sharing, as Istio's CorsPolicy.",
    )
    traffic_policy: Annotated[Object, As(TrafficPolicy)] | None = Field(
        default=None,
        description="Load balancing, connection pool, outlier detection and TLS towards both sides,"
        " as Istio's TrafficPolicy in a DestinationRule.",
    )
