"""References to routes that belong to the user, in which linnet writes the weights only."""

from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from linnet.api.rules import Model, Rule, matches
from linnet.api.scalars import DNS_LABEL, DNS_SUBDOMAIN

ROUTE_NAME: Final = "^[-A-Za-z0-9._/:@#+=~]+$"

ObjectName = Annotated[
    str,
    StringConstraints(max_length=253),
    matches(
        f"^{DNS_SUBDOMAIN}$",
        "must be the name of an object: lower case letters, digits, inner dashes and dots",
    ),
]
Label = Annotated[
    str,
    StringConstraints(max_length=63),
    matches(f"^{DNS_LABEL}$", "must consist of lower case letters, digits and inner dashes"),
]
RouteName = Annotated[
    str,
    StringConstraints(max_length=253),
    matches(
        ROUTE_NAME,
        "must be the name of an HTTP route: letters, digits and . _ / : @ # + = ~ -",
    ),
]


class VirtualServiceRef(Model):
    """A VirtualService of the user's own, in which linnet writes the weights of some routes."""

    name: ObjectName = Field(description="The name of the VirtualService.")
    namespace: Label | None = Field(
        default=None,
        description="The namespace of the VirtualService. Default: that of the Canary.",
    )
    routes: Annotated[tuple[RouteName, ...], Field(max_length=64)] = Field(
        default=(),
        description="The names of the HTTP routes whose weights linnet writes. Default: all routes"
        " that split requests between the two destinations, and lead nowhere else.",
    )


class DestinationRuleRef(Model):
    """A DestinationRule of the user's own, whose subsets are the two destinations."""

    rules: ClassVar = (
        Rule(
            "self.primarySubset != self.canarySubset",
            "primarySubset and canarySubset are the same: name the subset that serves now in"
            " primarySubset, and that of the new version in canarySubset",
            lambda r: r.primary_subset != r.canary_subset,
            field="canarySubset",
        ),
    )

    name: ObjectName = Field(
        description="The name of the DestinationRule, in the Canary's namespace. linnet never"
        " writes it."
    )
    primary_subset: Label = Field(description="The subset of the primary's pods.")
    canary_subset: Label = Field(description="The subset of the target's pods.")
