"""`spec.service`: how requests reach the workload."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from linnet.api.adoption import DestinationRuleRef, VirtualServiceRef
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
from linnet.api.scalars import DNS_LABEL, DNS_SUBDOMAIN, Flag, Port, whole

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


ServiceName = Annotated[
    str,
    StringConstraints(max_length=63),
    matches(
        SERVICE_NAME,
        "must be the name of a Service: lower case letters, digits and inner dashes, beginning"
        " with a letter",
    ),
]

_ADOPTS: Final = "(has(self.virtualServiceRef) || has(self.virtualServiceRefs))"
_ADOPTED_BEFORE: Final = _ADOPTS.replace("self.", "oldSelf.")
_ROUTE_FIELDS: Final = {
    "gateways": "gateways",
    "hosts": "hosts",
    "match": "match",
    "rewrite": "rewrite",
    "retries": "retries",
    "timeout": "timeout",
    "headers": "headers",
    "corsPolicy": "cors_policy",
}
"""What a route has besides its weights: in JSON, and in Python."""


def _leaves_routes_alone(service: "Service") -> bool:
    return not service.adopts or service.model_fields_set.isdisjoint(_ROUTE_FIELDS.values())


class Service(Model):
    """How requests reach the workload."""

    rules: ClassVar = (
        Rule(
            "has(self.port) || has(self.destinationRuleRef) || has(self.primaryService)",
            "is required: it is the port of the Services that linnet makes",
            lambda s: s.port is not None or not s.makes_services,
            field="port",
        ),
        Rule(
            "!(has(self.virtualServiceRef) && has(self.virtualServiceRefs))",
            "virtualServiceRef names one VirtualService, virtualServiceRefs several: leave one of"
            " the two out",
            lambda s: s.virtual_service_ref is None or not s.virtual_service_refs,
            field="virtualServiceRefs",
        ),
        Rule(
            f"!{_ADOPTS} || !has(self.delegation) || !self.delegation",
            "delegation is for a VirtualService that linnet makes, virtualServiceRef for one of"
            " yours: leave one of the two out",
            lambda s: not (s.adopts and s.delegation),
            field="delegation",
        ),
        Rule(
            f"!{_ADOPTS} || !({' || '.join(f'has(self.{field})' for field in _ROUTE_FIELDS)})",
            "with virtualServiceRef, linnet writes nothing but weights: leave"
            f" {', '.join(_ROUTE_FIELDS)} out, and write them into the VirtualService",
            _leaves_routes_alone,
            field="virtualServiceRef",
        ),
        Rule(
            f"{_ADOPTS} || !(has(self.destinationRuleRef) || has(self.primaryService) ||"
            " has(self.canaryService))",
            "destinationRuleRef, primaryService and canaryService say where the routes of"
            " virtualServiceRef lead to: name the VirtualService there",
            lambda s: (
                s.adopts or not (s.destination_rule_ref or s.primary_service or s.canary_service)
            ),
            field="virtualServiceRef",
        ),
        Rule(
            "has(self.primaryService) == has(self.canaryService)",
            "primaryService and canaryService go together: name both Services, or neither",
            lambda s: (s.primary_service is None) == (s.canary_service is None),
            field="canaryService",
        ),
        Rule(
            "!has(self.primaryService) || !has(self.canaryService) ||"
            " self.primaryService != self.canaryService",
            "primaryService and canaryService are the same: each side needs a Service of its own",
            lambda s: s.primary_service is None or s.primary_service != s.canary_service,
            field="canaryService",
        ),
        Rule(
            "!has(self.destinationRuleRef) || !has(self.primaryService)",
            "routes lead either to subsets or to two Services: leave destinationRuleRef out, or"
            " primaryService and canaryService",
            lambda s: s.destination_rule_ref is None or s.primary_service is None,
            field="destinationRuleRef",
        ),
        Rule(
            "!has(self.trafficPolicy) || !(has(self.destinationRuleRef) ||"
            " has(self.primaryService))",
            "trafficPolicy is for the DestinationRules that linnet makes, and here it makes none:"
            " write it into yours",
            lambda s: s.traffic_policy is None or s.makes_services,
            field="trafficPolicy",
        ),
        Rule(
            "!has(self.delegation) || !self.delegation || !(has(self.hosts) || has(self.gateways))",
            "with delegation, hosts and gateways are those of the VirtualService that delegates:"
            " leave them out here",
            lambda s: not s.delegation or s.model_fields_set.isdisjoint({"hosts", "gateways"}),
            field="delegation",
        ),
        Rule(
            f"{_ADOPTS} == {_ADOPTED_BEFORE} &&"
            " (has(self.delegation) && self.delegation) =="
            " (has(oldSelf.delegation) && oldSelf.delegation)",
            "whose the routes are cannot be changed: delete the Canary, and create it with or"
            " without virtualServiceRef or delegation",
            None,
        ),
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
    delegation: Flag | None = Field(
        default=None,
        description="Make a VirtualService without hosts and gateways, which one of the user's own"
        " delegates to: that one has the hosts, the gateways and all other routes.",
    )
    virtual_service_ref: VirtualServiceRef | None = Field(
        default=None,
        description="The VirtualService of the user's own that routes the traffic. linnet makes"
        " none, and writes the weights of this one's routes only.",
    )
    virtual_service_refs: Annotated[
        tuple[VirtualServiceRef, ...], Field(min_length=1, max_length=16)
    ] = Field(
        default=(),
        description="The same for several VirtualServices.",
    )
    destination_rule_ref: DestinationRuleRef | None = Field(
        default=None,
        description="The subsets that the routes of virtualServiceRef lead to. Needs primaryRef."
        " Default: the Services of the two sides.",
    )
    primary_service: ServiceName | None = Field(
        default=None,
        description="The Service of the user's own that selects the primary's pods, where the"
        " routes of virtualServiceRef lead to. Needs primaryRef. Default: a Service that linnet"
        " makes, name with -primary appended.",
    )
    canary_service: ServiceName | None = Field(
        default=None,
        description="The Service of the user's own that selects the target's pods. Default: a"
        " Service that linnet makes, name with -canary appended.",
    )
    port: Port | None = Field(
        default=None,
        description="The port of the Services. Required where linnet makes Services.",
    )
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

    @property
    def adopts(self) -> bool:
        """The routes are the user's own; linnet writes their weights only."""
        return bool(self.virtual_services)

    @property
    def virtual_services(self) -> tuple[VirtualServiceRef, ...]:
        """The VirtualServices of the user's own in which linnet writes weights."""
        one = self.virtual_service_ref
        return self.virtual_service_refs if one is None else (one,)

    @property
    def makes_services(self) -> bool:
        """linnet makes a Service and a DestinationRule for each side."""
        return self.destination_rule_ref is None and self.primary_service is None

    @property
    def port_number(self) -> int:
        """The port of the Services that linnet makes; only where `makes_services`."""
        assert self.port is not None  # noqa: S101 - a rule sees to it
        return self.port
