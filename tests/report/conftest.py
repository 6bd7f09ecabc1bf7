"""Audits as a clinic would meet them, made from counts: harm, none, too little data, odd names."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan, sqrt

import pytest

from edgefair.records import (
    Attribute,
    AuditResult,
    Cell,
    Confusion,
    Exclusion,
    Group,
    Interval,
    Spread,
    Verdict,
    VerdictKind,
)
from edgefair.report import DataIdentity, Report

JUDGED = ("false_negative_rate", "false_positive_rate")
LEVEL, MARGIN, ALPHA = 0.95, 0.05, 0.05
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\"quoted\" & 'single' </td></table>",
    "نساء فوق الستين",
    "\u202eevil\u2066 \x1b[31mred",
    "女性 六十歳以上",
    "W" * 200,
)


def confusion(tp: int, fn: int, tn: int, fp: int) -> Confusion:
    return Confusion(true_positives=tp, false_negatives=fn, true_negatives=tn, false_positives=fp)


def group(**attributes: str) -> Group:
    return Group(attributes=tuple(Attribute(name=n, value=v) for n, v in attributes.items()))


def interval(hits: int, n: int) -> Interval:
    """Return the Wilson interval (z = 1.96), written out again so that no audit code is needed."""
    if n == 0:
        return Interval.vacuous(level=LEVEL)
    z, p = 1.96, hits / n
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    lower, upper = max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
    return Interval(p, min(p, lower), max(p, upper), LEVEL, n)


def minus(a: Interval, b: Interval) -> Interval:
    if not (a.is_estimable and b.is_estimable):
        return Interval.vacuous(level=LEVEL, lower=-1.0)
    d = a.estimate - b.estimate
    below = sqrt((a.estimate - a.lower) ** 2 + (b.upper - b.estimate) ** 2)
    above = sqrt((a.upper - a.estimate) ** 2 + (b.estimate - b.lower) ** 2)
    return Interval(d, d - below, d + above, LEVEL, a.n)


def verdict(metric: str, who: Group, value: Interval, rest: Interval) -> Verdict:
    """Return the verdict that the interval of the difference gives, said at an audit's length."""
    difference = minus(value, rest)
    does, of = ("misses", "positives") if metric == JUDGED[0] else ("wrongly flags", "negatives")
    kind, needed = VerdictKind.NOT_ENOUGH_DATA, 134 if difference.is_estimable else None
    if difference.is_estimable and difference.lower > MARGIN:
        kind, needed = VerdictKind.HARM_SHOWN, None
    elif difference.is_estimable and difference.upper < MARGIN:
        kind, needed = VerdictKind.SHOWN_OK, None
    sentence = f"In {who} there is no labelled case: nothing can be said of what the model {does}."
    if difference.is_estimable:
        low, high = 100 * difference.lower, 100 * difference.upper
        sentence = (
            f"In {who} the model {does} {round(value.estimate * value.n)} of {value.n} cases "
            f"({value.estimate:.0%}, 95% interval {value.lower:.0%} to {value.upper:.0%}); in all "
            f"others {round(rest.estimate * rest.n)} of {rest.n} ({rest.estimate:.0%}). The "
            f"difference may be anything from {low:+.1f} to {high:+.1f} points, beside a limit of "
            f"{100 * MARGIN:g} points: {kind.lower()}."
        )
    return Verdict(kind=kind, sentence=sentence, limit=MARGIN, labels_needed=needed, labels_of=of)


def shares(c: Confusion) -> dict[str, tuple[int, int]]:
    return {
        "false_negative_rate": (c.false_negatives, c.positives),
        "false_positive_rate": (c.false_positives, c.negatives),
        "sensitivity": (c.true_positives, c.positives),
        "specificity": (c.true_negatives, c.negatives),
        "ppv": (c.true_positives, c.true_positives + c.false_positives),
        "npv": (c.true_negatives, c.true_negatives + c.false_negatives),
        "prevalence": (c.positives, c.n),
    }


def added(a: Confusion, b: Confusion, sign: int = 1) -> Confusion:
    return confusion(
        a.true_positives + sign * b.true_positives,
        a.false_negatives + sign * b.false_negatives,
        a.true_negatives + sign * b.true_negatives,
        a.false_positives + sign * b.false_positives,
    )


def cells_of(finding: str, who: Group, c: Confusion, rest: Confusion) -> list[Cell]:
    everybody = not who.attributes
    cells = []
    for metric, (hits, n) in shares(c).items():
        value, others = interval(hits, n), interval(*shares(rest)[metric])
        difference = minus(value, others)
        judged = metric in JUDGED and not everybody
        cells.append(
            Cell(
                finding=finding,
                group=who,
                metric=metric,
                value=value,
                rest=others,
                difference=difference,
                p_value=nan if isnan(difference.estimate) else 0.0304,
                verdict=verdict(metric, who, value, others) if judged else None,
                exact_p_value=0.0412 if judged and not isnan(difference.estimate) else None,
            )
        )
    area = Interval(0.86, 0.8, 0.91, LEVEL, c.n) if c.positives and c.negatives else None
    nothing = Interval.vacuous(level=LEVEL)
    cells.append(
        Cell(
            finding=finding,
            group=who,
            metric="auroc",
            value=area or nothing,
            rest=nothing if everybody else Interval(0.88, 0.85, 0.91, LEVEL, rest.n),
            difference=minus(area or nothing, nothing),
            p_value=nan,
            verdict=None,
        )
    )
    return cells


def audit_of(
    counted: dict[str, dict[Group, Confusion]], *, exclusions: tuple[Exclusion, ...] = ()
) -> AuditResult:
    """Return the audit of one table of counts per finding; the first attribute adds up to all."""
    overall, by_group, counts = [], [], []
    for finding, groups in counted.items():
        family = next(iter(groups)).attributes[0].name
        everybody = confusion(0, 0, 0, 0)
        for who, c in groups.items():
            if tuple(a.name for a in who.attributes) == (family,):
                everybody = added(everybody, c)
        overall += cells_of(finding, Group(), everybody, confusion(0, 0, 0, 0))
        counts.append((finding, Group(), everybody))
        for who, c in groups.items():
            by_group += cells_of(finding, who, c, added(everybody, c, -1))
            counts.append((finding, who, c))
    rows = counts[0][2].n + sum(exclusion.rows for exclusion in exclusions)
    return AuditResult(
        overall=tuple(overall),
        by_group=tuple(by_group),
        confusion=tuple(counts),
        spreads=tuple(
            Spread(
                finding=finding,
                metric="false_negative_rate",
                attribute=attribute,
                observed=observed,
                by_chance=0.062,
                p_value=p,
            )
            for finding in counted
            for attribute, observed, p in (("sex", 0.29, 0.0002), ("age", nan, nan))
        ),
        exclusions=exclusions,
        rows=rows,
        level=LEVEL,
        margin=MARGIN,
        alpha=ALPHA,
    )


def report_of(result: AuditResult) -> Report:
    return Report(
        title="For whom does chest-xray 0.1.0 work?",
        result=result,
        model="chest-xray 0.1.0",
        bundle_digest="3f1c" * 16,
        operating_point="screening: probability of at least 0.31, chosen for sensitivity 0.90",
        data=DataIdentity(name="outcomes-2025.csv", sha256="9ab0" * 16, rows=result.rows),
        groups_by=("sex", "age"),
        made_at="2025-11-23T09:30:00Z",
        edgefair_version="0.1.0",
        notes=("All negatives of the training data come from one hospital.",),
    )


@pytest.fixture
def harm() -> Report:
    """Women are missed; the old are too few; nobody under 18 is ill; nobody's sex is O."""
    groups = {
        group(sex="F"): confusion(59, 41, 180, 20),
        group(sex="M"): confusion(880, 120, 920, 80),
        group(sex="O"): confusion(0, 0, 0, 0),
        group(sex="Unknown"): confusion(7, 2, 11, 1),
        group(age="0-17"): confusion(0, 0, 31, 4),
        group(age="18-59"): confusion(700, 118, 900, 60),
        group(age="60+"): confusion(246, 45, 180, 37),
        group(sex="F", age="60+"): confusion(14, 11, 40, 5),
    }
    return report_of(
        audit_of(
            {"pneumonia": groups},
            exclusions=(
                Exclusion(reason="no outcome yet", rows=212),
                Exclusion(reason="outcome neither 0 nor 1", rows=3),
            ),
        )
    )


@pytest.fixture
def no_harm() -> Report:
    groups = {
        group(sex="F"): confusion(900, 100, 920, 80),
        group(sex="M"): confusion(905, 95, 915, 85),
    }
    return report_of(audit_of({"pneumonia": groups}))


@pytest.fixture
def too_little() -> Report:
    groups = {
        group(sex="F"): confusion(9, 1, 12, 1),
        group(sex="M"): confusion(8, 2, 15, 0),
        group(sex="Unknown"): confusion(0, 0, 0, 0),
    }
    return report_of(audit_of({"pneumonia": groups}))


@pytest.fixture
def mixed() -> Report:
    """Nobody harmed, the large groups shown ok, the small one open."""
    groups = {
        group(sex="F"): confusion(900, 100, 920, 80),
        group(sex="M"): confusion(905, 95, 915, 85),
        group(sex="O"): confusion(9, 1, 12, 1),
    }
    return report_of(audit_of({"pneumonia": groups}))


@pytest.fixture
def many_groups() -> Report:
    """Return thirty groups, as a typical audit by several attributes would have."""
    groups = {
        group(site=f"clinic {i:02d}"): confusion(60 + i, 10 + i // 3, 120 - i, 9)
        for i in range(29)
    }
    groups[group(site="clinic 29")] = confusion(20, 60, 90, 9)
    return report_of(audit_of({"pneumonia": groups}))


@pytest.fixture
def hostile() -> Report:
    groups = {group(ward=name): confusion(59, 41, 180, 20) for name in HOSTILE_NAMES}
    groups[group(ward="plain")] = confusion(2880, 120, 920, 80)
    return report_of(audit_of({"<b>finding</b>": groups}))


@pytest.fixture
def several_findings() -> Report:
    sexes = group(sex="F"), group(sex="M")
    return report_of(
        audit_of(
            {
                "pneumonia": dict(
                    zip(
                        sexes,
                        (confusion(59, 41, 90, 9), confusion(880, 120, 800, 80)),
                        strict=True,
                    )
                ),
                "pleural effusion": dict(
                    zip(
                        sexes,
                        (confusion(90, 10, 90, 9), confusion(880, 120, 800, 80)),
                        strict=True,
                    )
                ),
            }
        )
    )


@pytest.fixture
def nothing_judged(harm: Report) -> Report:
    """Return an audit of everybody, grouped by nothing."""
    everybody = Group()
    result = replace(
        harm.result,
        by_group=(),
        spreads=(),
        confusion=tuple(c for c in harm.result.confusion if c[1] == everybody),
    )
    return replace(harm, result=result, groups_by=())
