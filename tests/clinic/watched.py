"""A ledger that fills case by case, under a plan that watches one finding by sex."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from edgefair.bundle.plan import (
    ChartDesign,
    ControlChart,
    MonitoringPlan,
    WatchedMetric,
    WatchedRate,
    plan_to_json,
)
from edgefair.ledger import ImportReport, Ledger, OutcomeResult, Withdrawal
from edgefair.records import (
    Attribute,
    Decision,
    FindingScore,
    Group,
    Outcome,
    Prediction,
    Subject,
    VerifiedBecause,
)

FINDING = "opacity"
BUNDLE = "ab" * 32
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def watched(metric: WatchedMetric, limit: float) -> WatchedRate:
    return WatchedRate(
        finding=FINDING,
        metric=metric,
        reference_errors=10,
        reference_n=100,
        reference_upper=limit - 0.05,
        tolerance=0.05,
        limit=limit,
        chart=ControlChart(up=8, down=3, height=40),
    )


PLAN = MonitoringPlan(
    model="toy 1.0.0",
    groups_by=("sex",),
    groups=(
        Group(),
        *(Group(attributes=(Attribute(name="sex", value=v),)) for v in ("F", "M", "Unknown")),
    ),
    rates=(watched("false_negative_rate", 0.2), watched("false_positive_rate", 0.25)),
    alpha=0.05,
    minimum_audit=3,
    chart=ChartDesign(odds_ratio=2.0, labels_to_false_alarm=500),
    derived="drawn from nothing",
    frozen_by="",
    frozen_on="",
)


@dataclass(slots=True)
class Clinic:
    """A ledger with a plan in force, and a calendar."""

    path: Path
    ledger: Ledger
    day: date = date(2026, 1, 5)
    cases: int = 0

    def case(
        self,
        *,
        flagged: bool,
        truth: bool | None = None,
        sex: str = "F",
        because: VerifiedBecause = VerifiedBecause.ROUTINE,
    ) -> str:
        """Record a case, with its outcome where one is known, and return its name."""
        name = f"{self.cases}.png"
        self.cases += 1
        self.read(name, flagged=flagged, sex=sex)
        if truth is not None:
            self.tell(name, truth=truth, because=because)
        return name

    def read(self, name: str, *, flagged: bool, sex: str = "F", threshold: float = 0.5) -> None:
        score = FindingScore(
            finding=FINDING,
            logit=0.0,
            probability=0.75 if flagged else 0.25,
            operating_point="screening",
            threshold=threshold,
            decision=Decision.POSITIVE if flagged else Decision.NEGATIVE,
            reason="probability against threshold",
        )
        self.ledger.record(
            [
                Prediction(
                    image=name,
                    digest=name,
                    scores=(score,),
                    subject=Subject(sex=sex),
                    model="toy 1.0.0",
                    bundle_digest=BUNDLE,
                    predicted_at=f"{self.day.isoformat()}T08:00:00Z",
                )
            ]
        )

    def tell(
        self,
        name: str,
        *,
        truth: bool,
        by: str = "AB",
        because: VerifiedBecause = VerifiedBecause.ROUTINE,
    ) -> ImportReport:
        outcome = Outcome(
            case=name,
            finding=FINDING,
            outcome=truth,
            verified_by=by,
            verified_because=because,
            date=self.day.isoformat(),
        )
        return self.ledger.add_outcomes([outcome], today=self.day)

    def withdraw(self, name: str) -> OutcomeResult:
        asked = Withdrawal(case=name, finding=FINDING, withdrawn_by="CD", reason="another patient")
        return self.ledger.withdraw(asked, today=self.day)

    def next_week(self) -> datetime:
        """Return the time of the re-check at the end of this week."""
        self.day += timedelta(days=7)
        return datetime(self.day.year, self.day.month, self.day.day, 18, tzinfo=UTC)

    def put_in_force(self, plan: MonitoringPlan, *, from_now_on: bool = True) -> None:
        self.ledger.freeze_plan(
            plan_to_json(plan),
            bundle_digest=BUNDLE,
            from_now_on=from_now_on,
            frozen_by="Dr A. Banda",
            frozen_at=f"{self.day.isoformat()}T07:00:00Z",
        )


def open_clinic(folder: Path) -> Clinic:
    """Return a new clinic with its plan; its ledger is to be closed."""
    path = folder / "clinic.ledger"
    clinic = Clinic(path=path, ledger=Ledger.open(path, create=True))
    clinic.put_in_force(PLAN, from_now_on=False)
    return clinic
