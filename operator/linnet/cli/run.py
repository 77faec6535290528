"""linnet run"""

import asyncio
from typing import Any

import click

from linnet.adapters import logs
from linnet.cli.parameters import namespace_name, object_name
from linnet.errors import LinnetError
from linnet.settings import (
    DEFAULT_BIND,
    DEFAULT_LEASE_NAME,
    DEFAULT_LEASE_NAMESPACE,
    DEFAULT_PROMETHEUS,
    Settings,
    default_identity,
)

AUTO = "auto"
"""The scrape interval is found out."""

EPILOG = """\b
Examples:
  # this machine's current kubeconfig context, a forwarded Prometheus
  linnet run --prometheus-url http://127.0.0.1:9090
\b
  # two namespaces only, with a lease in one of them
  linnet run --namespace shop --namespace search --lease-namespace shop
\b
  # alone on a test cluster, told in detail
  linnet run --no-leader-election --log-level debug
\b
Each option can be set in the environment as LINNET_NAME, such as LINNET_PROMETHEUS_URL. How to log
in to Prometheus is set there only: LINNET_PROMETHEUS_TOKEN_FILE, or LINNET_PROMETHEUS_USERNAME and
LINNET_PROMETHEUS_PASSWORD_FILE; LINNET_PROMETHEUS_CA_FILE. So is the file with the token for the
webhook: LINNET_OUTCOME_WEBHOOK_TOKEN_FILE.
"""

GROUPS = {
    "Cluster": ("kubeconfig", "context", "namespace"),
    "Metrics": ("prometheus_url", "scrape_interval"),
    "High availability": ("leader_election", "lease_namespace", "lease_name", "identity"),
    "Telling others": ("outcome_webhook_url",),
    "Observing linnet": ("metrics_bind", "log_format", "log_level"),
}


class _Grouped(click.Command):
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {p.name: p.get_help_record(ctx) for p in self.get_params(ctx)}
        grouped = [name for names in GROUPS.values() for name in names]
        groups = GROUPS | {"Other": tuple(n for n in records if n not in grouped and n)}
        for title, names in groups.items():
            with formatter.section(title):
                formatter.write_dl([r for name in names if (r := records.get(name)) is not None])


def _bind(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from linnet.adapters.server import parse_bind

    if value:
        try:
            parse_bind(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return value


def _url(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from linnet.adapters.prometheus_url import Endpoint

    try:
        Endpoint.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error  # not the value: it may hold a password
    return value


def _interval(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    from linnet.api.duration import parse_duration

    if value == AUTO:
        return None
    try:
        seconds = parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(f"{error}; or {AUTO}") from error
    if not 0.1 <= seconds <= 300:
        raise click.BadParameter(f"must be from 100ms to 5m, or {AUTO}")
    return seconds


def _receiver(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from linnet.adapters.outcome_webhook import Receiver

    if value:
        try:
            Receiver.parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error  # not the value: it may be a secret
    return value


@click.command(cls=_Grouped, epilog=EPILOG, context_settings={"auto_envvar_prefix": "LINNET"})
@click.option(
    "--kubeconfig",
    default="",
    metavar="FILE",
    help="How to reach the cluster. [default: $KUBECONFIG, the pod's ServiceAccount, "
    "~/.kube/config]",
)
@click.option(
    "--context", default="", metavar="NAME", help="The kubeconfig's context. [default: its current]"
)
@click.option(
    "--namespace",
    "-n",
    multiple=True,
    type=namespace_name,
    metavar="NAME",
    help="Look after this namespace only; can be given several times. [default: all]",
)
@click.option(
    "--prometheus-url",
    default=DEFAULT_PROMETHEUS,
    show_default=True,
    callback=_url,
    metavar="URL",
    help="The Prometheus that Canaries are judged on unless they name one.",
)
@click.option(
    "--scrape-interval",
    default=AUTO,
    show_default=True,
    callback=_interval,
    metavar="DURATION",
    help="How often Prometheus scrapes Istio's proxies, such as 15s: how often releases are looked "
    "at by the guard. auto finds it out.",
)
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Act only while holding a Lease. Without, be sure that no other instance runs.",
)
@click.option(
    "--lease-namespace",
    type=namespace_name,
    default=DEFAULT_LEASE_NAMESPACE,
    show_default=True,
    metavar="NAME",
    help="Where the Lease is.",
)
@click.option(
    "--lease-name",
    type=object_name,
    default=DEFAULT_LEASE_NAME,
    show_default=True,
    metavar="NAME",
    help="What the Lease is called.",
)
@click.option(
    "--identity",
    default=default_identity,
    show_default="$POD_NAME, or the host's name",
    metavar="NAME",
    help="Who this instance is in the Lease. An instance that starts under the identity of the "
    "holder takes over at once, so each needs its own.",
)
@click.option(
    "--metrics-bind",
    default=DEFAULT_BIND,
    show_default=True,
    callback=_bind,
    metavar="[HOST]:PORT",
    help="Where /metrics, /healthz and /readyz are served; empty for nowhere.",
)
@click.option(
    "--outcome-webhook-url",
    default="",
    callback=_receiver,
    metavar="URL",
    help="Where to post what each release came to, as JSON. [default: nowhere]",
)
@click.option(
    "--log-format", default="text", show_default=True, type=click.Choice(logs.FORMATS), help="Form."
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(logs.LEVELS),
    help="From what importance on.",
)
def run(log_format: str, log_level: str, namespace: tuple[str, ...], **options: Any) -> None:
    """Run the operator, in a pod or anywhere else.

    It looks after all Canaries of the cluster until it is told to stop by SIGTERM or Ctrl-C.
    Several may run: one acts, the others stand by.
    """
    logs.configure(log_format, log_level)
    settings = Settings(namespaces=namespace, **options)
    from linnet import app  # takes long: not for --help

    try:
        asyncio.run(app.run(settings))
    except (LinnetError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"--metrics-bind {settings.metrics_bind}: {error}") from error
