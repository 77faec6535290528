"""What `linnet plan` writes for a comment on a pull request. Pure."""

from collections.abc import Iterator, Sequence

from linnet.cli import plan_words as words
from linnet.planning.finding import Finding, Severity
from linnet.planning.plan import Plan

SIGNS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}  # noqa: RUF001 - a sign
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~"})


def markdown(plans: Sequence[Plan]) -> str:
    """Return the whole comment."""
    return "\n".join(line for plan in plans for line in _plan(plan)).rstrip() + "\n"


def _plan(plan: Plan) -> Iterator[str]:
    yield f"### Canary `{plan.canary.namespace}/{plan.canary.name}`"
    yield ""
    yield from _summary(plan)
    for one in plan.findings:
        yield f"- {_finding(one)}"
    if plan.findings:
        yield ""
    yield from _folded("What linnet creates and changes", _applied(plan))
    yield from _folded("Steps and gates", _release(plan))
    if plan.notice is not None:
        yield from _folded("What the analysis notices", _noticed(plan))


def _summary(plan: Plan) -> Iterator[str]:
    if plan.notice is not None:
        yield f"**{_text(words.noticed(plan))}**"
        yield ""
        yield f"At {_text(words.assumed(plan))}."
        yield ""


def _finding(one: Finding) -> str:
    field = f" `{one.field}`" if one.field else ""
    where = f" ({_text(one.where)})" if one.where else ""
    named = f"**{one.reason}** {_text(one.object)}{field}{where}"
    return f"{SIGNS[one.severity]} {named}: {_text(one.message)}"


def _applied(plan: Plan) -> Iterator[str]:
    if plan.rehearsal.problems:
        yield "Nothing: it stalls."
        return
    for kind, names in words.created(plan).items():
        yield f"- create {kind} {', '.join(f'`{name}`' for name in names)}"
    for change in plan.rehearsal.changed:
        fields = "; ".join(_text(words.change(one)) for one in change.fields)
        yield f"- change {change.ref.kind} `{change.ref.name}`: {fields}"
    if not (plan.rehearsal.created or plan.rehearsal.changed):
        yield "Nothing."


def _release(plan: Plan) -> Iterator[str]:
    if plan.schedule.steps:
        yield "| Weight | From | Until | Requests |"
        yield "|---:|---:|---:|---:|"
        for step in plan.schedule.steps:
            yield (
                f"| {step.weight}% | {words.span(step.start)} | {words.span(step.end)} |"
                f" {words.requests(step.requests)} |"
            )
        yield f"| | | total | {words.requests(plan.schedule.requests)} |"
        yield ""
    for sentence in (*words.ends(plan.schedule), *words.gates(plan.canary)):
        yield f"- {_text(sentence)}"


def _noticed(plan: Plan) -> Iterator[str]:
    assert plan.notice is not None  # noqa: S101 - the caller has looked
    yield f"| {' | '.join(title.capitalize() for title in words.COLUMNS)} |"
    yield "|" + "---:|" * len(words.COLUMNS)
    for one in (plan.notice.healthy, *plan.notice.table):
        yield f"| {' | '.join(words.row(one))} |"


def _folded(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"
    yield ""


def _text(text: str) -> str:
    """Return a text that Markdown and HTML leave as it is: manifests are anybody's."""
    return text.translate(_SPECIAL).replace("\n", " ")
