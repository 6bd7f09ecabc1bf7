"""What was counted is enough: the whole audit follows from it, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from edgefair.audit import audit
from edgefair.audit.columns import Criteria
from edgefair.audit.evidence import evidence_of, tally_of
from edgefair.audit.recheck import result_of
from edgefair.records import AuditResult
from edgefair.report import DataIdentity, Report, report_to_json


def as_text(result: AuditResult) -> str:
    data = DataIdentity(name="t", sha256="0", rows=1)
    report = Report(
        title="t",
        result=result,
        data=data,
        groups_by=(),
        made_at="",
        edgefair_version="",
    )
    return report_to_json(report)


@pytest.mark.parametrize("several", [False, True], ids=["independent", "several of one patient"])
@pytest.mark.parametrize("given", [("pred",), ("score",), ("pred", "score")])
def test_the_audit_follows_from_its_evidence(given: tuple[str, ...], *, several: bool) -> None:
    rng = np.random.default_rng(1)
    n = 400
    ill = {"a": rng.random(n) < 0.3, "b": rng.random(n) < 0.5}
    score = {name: rng.normal(size=n) + one for name, one in ill.items()}
    found = audit(
        y_true=ill,
        y_pred={name: one > 0.5 for name, one in score.items()} if "pred" in given else None,
        y_score=score if "score" in given else None,
        sensitive_features={"sex": rng.choice(["F", "M", ""], n), "age": rng.integers(0, 90, n)},
        by=["sex", "age:0,40,60", "sex+age:0,40,60"],
        patients=rng.integers(0, 150, n) if several else None,
    )
    again = result_of(
        [tally_of(one) for one in found.evidence],
        exclusions=found.result.exclusions,
        rows=found.result.rows,
        criteria=Criteria(),
        seed=0,
    )

    assert as_text(again) == as_text(found.result)


def test_the_evidence_of_the_evidence_is_itself() -> None:
    found = audit(y_true=[1, 0, 1], y_pred=[1, 1, 0], sensitive_features=list("FMF"))

    assert tuple(evidence_of(tally_of(one)) for one in found.evidence) == found.evidence
