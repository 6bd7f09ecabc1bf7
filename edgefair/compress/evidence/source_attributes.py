"""The source attributes of a predictive decision support intervention, answered from a recipe.

Source: 45 CFR 170.315(b)(11)(iv)(B), of the rule HTI-1 (89 FR 1192, 2024): nine categories and 31
attributes, whose numbers are kept. What neither recipe nor measurement says is called not stated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edgefair.compress.evidence.evaluation import GroupRow
from edgefair.compress.evidence.facts import CardFacts
from edgefair.compress.evidence.words import (
    DISCLAIMER,
    NOT_STATED,
    gate_in_words,
    input_in_words,
    interval_in_words,
    stated,
)

__all__ = ["SourceAttribute", "source_attributes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAttribute:
    """One of the 31.

    Attributes
    ----------
    number : str
        Within paragraph (B), e.g. ``(4)(ii)``.
    category, name : str
    answer : str
    is_stated : bool
        False where the builder would have to add what no program can measure.
    """

    number: str
    category: str
    name: str
    answer: str
    is_stated: bool


def source_attributes(facts: CardFacts) -> tuple[SourceAttribute, ...]:
    """Return all 31 attributes with their answers, in the rule's order."""
    answered = []
    for number, name, answer in _ATTRIBUTES:
        text = answer(facts)
        answered.append(
            SourceAttribute(
                number=number,
                category=_CATEGORIES[number[:3]],
                name=name,
                answer=text,
                is_stated=NOT_STATED not in text,
            )
        )
    return tuple(answered)


def _developer(facts: CardFacts) -> str:
    about = facts.recipe.about
    return f"{stated(about.developer)}; contact: {stated(about.contact)}"


def _out_of_scope(facts: CardFacts) -> str:
    told = " ".join(facts.recipe.about.out_of_scope)
    return (
        f"{stated(told)}. " if not told else f"{told} "
    ) + f"Made for images of {input_in_words(facts)}; the program refuses others that it can tell."


def _limitations(facts: CardFacts) -> str:
    known = list(facts.recipe.about.traps)
    conditions = facts.gate.conditions if facts.gate else ()
    if conditions:
        open_ = "one comparison" if len(conditions) == 1 else f"{len(conditions)} comparisons"
        known.append(
            f"Of {open_} of groups nobody can say that compression cost nothing, for want of "
            "cases; the gate lists each."
        )
    return f"{DISCLAIMER} " + (" ".join(known) if known else f"Further ones: {NOT_STATED}.")


def _criteria(facts: CardFacts) -> str:
    about = facts.recipe.about
    return f"{about.title}. Inclusion and exclusion: {stated(about.criteria)}"


def _demographic_inputs(_: CardFacts) -> str:
    return "None: the network sees the pixels of one image and nothing else."


def _representation(facts: CardFacts) -> str:
    first = facts.recipe.findings[0]
    counted = [
        f"{row.group} {row.positives + row.negatives}"
        for row in facts.measured.groups
        if row.finding == first and "," not in row.group
    ]
    return (
        f"Labelled test images: {', '.join(counted)}. "
        "Attributes that are not named here were not recorded."
    )


def _relevance(facts: CardFacts) -> str:
    about = facts.recipe.about
    return (
        f"Source of the data: {about.source}. Its relevance to any one clinic: {NOT_STATED}; "
        "`edgefair audit` measures it there."
    )


def _fairness_approach(facts: CardFacts) -> str:
    ways = ", ".join(facts.recipe.data.groups) or "no group"
    return f"Every rate is measured and reported by {ways}. {gate_in_words(facts.gate)}"


def _bias_management(facts: CardFacts) -> str:
    plan = facts.recipe.training.groups
    done = f"training minds groups by {plan.by} ({plan.method}); " if plan else ""
    return (
        f"{done}the images that set the INT8 ranges are evened out over groups and labels; one "
        "threshold for everybody."
    )


def _external(facts: CardFacts) -> str:
    return facts.recipe.about.external_validation or f"None in this bundle; others: {NOT_STATED}"


def _validity(facts: CardFacts) -> str:
    return "Test split, no patient of which is in another: " + "; ".join(
        f"{row.finding} {_areas_and_rates(row)}" for row in _everybody(facts)
    )


def _fairness(facts: CardFacts) -> str:
    lowest = []
    for everybody in _everybody(facts):
        rows = [
            (row.auroc.estimate, row)
            for row in facts.measured.groups
            if row.finding == everybody.finding and row.auroc is not None and row is not everybody
        ]
        if rows:
            _, row = min(rows, key=lambda pair: pair[0])
            lowest.append(
                f"lowest AUROC for {row.finding}: {row.group}, {interval_in_words(row.auroc)}, "
                f"of {row.positives} with and {row.negatives} without it"
            )
    return "; ".join((*lowest, "each group under For whom it works"))


def _local(_: CardFacts) -> str:
    return "None yet: `edgefair audit` measures it at the clinic, from outcomes as they come in."


def _monitoring(facts: CardFacts) -> str:
    return (
        f"{stated(facts.recipe.about.maintenance)}. A clinic re-checks with `edgefair audit`, as "
        "often as it likes."
    )


def _updates(facts: CardFacts) -> str:
    return stated(facts.recipe.about.updates)


def _everybody(facts: CardFacts) -> list[GroupRow]:
    return [row for row in facts.measured.groups if row.group == "everybody"]


def _areas_and_rates(row: GroupRow) -> str:
    return (
        f"AUROC {interval_in_words(row.auroc)}, sensitivity "
        f"{interval_in_words(row.sensitivity)}, specificity {interval_in_words(row.specificity)}"
    )


_CATEGORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "(1)": "Details and output of the intervention",
        "(2)": "Purpose of the intervention",
        "(3)": "Cautioned out-of-scope use of the intervention",
        "(4)": "Intervention development details and input features",
        "(5)": "Process used to ensure fairness in development of the intervention",
        "(6)": "External validation process",
        "(7)": "Quantitative measures of performance",
        "(8)": "Ongoing maintenance of intervention implementation and use",
        "(9)": "Update and continued validation or fairness assessment schedule",
    }
)

_ATTRIBUTES: Final[tuple[tuple[str, str, Callable[[CardFacts], str]], ...]] = (
    ("(1)(i)", "Name and contact information for the developer", _developer),
    (
        "(1)(ii)",
        "Funding source of the technical implementation",
        lambda facts: stated(facts.recipe.about.funding),
    ),
    (
        "(1)(iii)",
        "Value that is produced as an output",
        lambda facts: (
            f"for each of {', '.join(facts.recipe.findings)}: a calibrated probability in [0, 1] "
            "and a decision, positive, negative or refer, with its reason"
        ),
    ),
    (
        "(1)(iv)",
        "Prediction, classification, recommendation, evaluation, analysis or other",
        lambda facts: f"classification, {facts.recipe.task.value.replace('_', ' ')}",
    ),
    ("(2)(i)", "Intended use", lambda facts: facts.recipe.intended_use),
    ("(2)(ii)", "Intended patient population", lambda facts: stated(facts.recipe.about.patients)),
    ("(2)(iii)", "Intended users", lambda facts: stated(facts.recipe.about.users)),
    (
        "(2)(iv)",
        "Intended decision-making role",
        lambda _: "informs a person; it replaces no part of clinical management",
    ),
    ("(3)(i)", "Tasks, situations or populations to beware of", _out_of_scope),
    ("(3)(ii)", "Known risks, inappropriate settings or uses, limitations", _limitations),
    ("(4)(i)", "Inclusion and exclusion criteria of the training data", _criteria),
    ("(4)(ii)", "Demographic and social variables used as input", _demographic_inputs),
    ("(4)(iii)", "Demographic representativeness", _representation),
    ("(4)(iv)", "Relevance of the training data to the deployed setting", _relevance),
    ("(5)(i)", "Approach to a fair output", _fairness_approach),
    ("(5)(ii)", "Approaches to manage, reduce or eliminate bias", _bias_management),
    ("(6)(i)", "External data source, clinical setting or environment", _external),
    ("(6)(ii)", "Party that conducted the external testing", _external),
    ("(6)(iii)", "Demographic representativeness of the external data", _external),
    ("(6)(iv)", "External validation process", _external),
    ("(7)(i)", "Validity in test data from the source of the training data", _validity),
    ("(7)(ii)", "Fairness in test data from the source of the training data", _fairness),
    ("(7)(iii)", "Validity in external data", _external),
    ("(7)(iv)", "Fairness in external data", _external),
    (
        "(7)(v)",
        "References to evaluation of use on outcomes",
        lambda _: f"None is known to the program; others: {NOT_STATED}",
    ),
    ("(8)(i)", "How and how often validity is monitored", _monitoring),
    ("(8)(ii)", "Validity in local data", _local),
    ("(8)(iii)", "How and how often fairness is monitored", _monitoring),
    ("(8)(iv)", "Fairness in local data", _local),
    ("(9)(i)", "How and how often it is updated", _updates),
    ("(9)(ii)", "How often performance is corrected when risks are found", _updates),
)
