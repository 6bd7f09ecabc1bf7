"""The Applied Model Card of the Coalition for Health AI, filled from a recipe and its evidence.

Source of the fields and their order: CHAI, Applied Model Card, schema v0.2 (mc.chai.org). Some say
what a source attribute of HTI-1 says already; those name it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgefair.compress.evidence.facts import CardFacts
from edgefair.compress.evidence.source_attributes import SourceAttribute
from edgefair.compress.evidence.words import (
    DISCLAIMER,
    NOT_STATED,
    gate_in_words,
    input_in_words,
    interval_in_words,
    output_in_words,
    stated,
    teacher_in_words,
)
from edgefair.records import Interval

__all__ = ["AppliedField", "applied_card"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedField:
    """One field of the Applied Model Card.

    Attributes
    ----------
    path : str
        Element names of the schema, joined by slashes.
    answer : str
    same_as : str
        Number of the source attribute that it repeats; empty if none does.
    """

    path: str
    answer: str
    same_as: str = ""


def applied_card(
    facts: CardFacts, attributes: tuple[SourceAttribute, ...]
) -> tuple[AppliedField, ...]:
    """Return every field in the schema's order.

    Parameters
    ----------
    facts : CardFacts
    attributes : tuple of SourceAttribute
        From `edgefair.compress.evidence.source_attributes.source_attributes`.
    """
    answers = {attribute.number: attribute.answer for attribute in attributes}
    return tuple(
        AppliedField(path=path, answer=answers[given], same_as=given)
        if isinstance(given, str)
        else AppliedField(path=path, answer=given(facts))
        for path, given in _FIELDS
    )


def _foundation(facts: CardFacts) -> str:
    teacher, weights = facts.recipe.teacher, facts.recipe.backbone.weights
    sha256 = facts.distillation.teacher_sha256 if facts.distillation else ""
    taught = f"Teacher: {teacher_in_words(teacher, sha256)}." if teacher else "No teacher."
    start = (
        f"Start: {weights.package} {weights.version} ({weights.licence})."
        if weights
        else "Start: random weights."
    )
    return f"{taught} {start}"


def _ethics(facts: CardFacts) -> str:
    return stated(" ".join(facts.recipe.about.ethics))


def _usefulness(facts: CardFacts) -> str:
    return "; ".join(
        f"{row.finding} {interval_in_words(row.auroc)}"
        for row in facts.measured.groups
        if row.group == "everybody"
    )


def _worst_rates(facts: CardFacts) -> str:
    rows = facts.measured.groups
    return (
        f"lowest sensitivity {_lowest([(row.group, row.sensitivity) for row in rows])}; "
        f"lowest specificity {_lowest([(row.group, row.specificity) for row in rows])}"
    )


def _lowest(rates: list[tuple[str, Interval | None]]) -> str:
    known = [(group, rate) for group, rate in rates if rate is not None and rate.is_estimable]
    if not known:
        return "not estimable"
    group, rate = min(known, key=lambda pair: pair[1].estimate)
    return f"{interval_in_words(rate)} in {group}"


def _flips(facts: CardFacts) -> str:
    return "; ".join(
        f"{row.point.finding} at {row.point.name}: {row.to_negative + row.to_positive} of "
        f"{row.images} decided otherwise, {row.referred} of them referred"
        for row in facts.measured.flips
    )


def _test_data(facts: CardFacts) -> str:
    images = {row.images for row in facts.measured.splits if row.split == "test"}
    return f"test split of {facts.recipe.about.title}: {max(images, default=0)} images"


_BY_PROGRAM: Final = "the same program on the same files gives the same numbers; see command"

_FIELDS: Final[tuple[tuple[str, str | Callable[[CardFacts], str]], ...]] = (
    ("BasicInfo/ModelName", lambda facts: facts.recipe.name),
    ("BasicInfo/ModelDeveloper", lambda facts: stated(facts.recipe.about.developer)),
    ("BasicInfo/DeveloperContact", lambda facts: stated(facts.recipe.about.contact)),
    ("ReleaseInfo/ReleaseStage", lambda _: f"research. {DISCLAIMER}"),
    ("ReleaseInfo/ReleaseDate", lambda facts: stated(facts.recipe.about.released)),
    ("ReleaseInfo/ReleaseVersion", lambda facts: facts.recipe.version),
    ("ReleaseInfo/GlobalAvailability", lambda _: "one file that works without a network"),
    ("ReleaseInfo/RegulatoryApproval", lambda _: "none anywhere"),
    ("ModelSummary/Summary", lambda facts: facts.recipe.intended_use),
    ("ModelSummary/Keywords", lambda facts: ", ".join(facts.recipe.findings)),
    ("UsesAndDirections/IntendedUseAndWorkflow", "(2)(i)"),
    ("UsesAndDirections/PrimaryIntendedUsers", "(2)(iii)"),
    ("UsesAndDirections/HowToUse", lambda _: "`edgefair predict IMAGES -m BUNDLE`"),
    ("UsesAndDirections/TargetedPatientPopulation", "(2)(ii)"),
    ("UsesAndDirections/CautionedOutOfScopeSettings", "(3)(i)"),
    ("Warnings/KnownRisksAndLimitations", "(3)(ii)"),
    ("Warnings/KnownBiasesOrEthicalConsiderations", _ethics),
    ("Warnings/ClinicalRiskLevel", lambda _: f"{NOT_STATED}; no decision may rest on it"),
    ("TrustIngredients/AISystemFacts/OutcomesAndOutputs", output_in_words),
    (
        "TrustIngredients/AISystemFacts/ModelType",
        lambda facts: f"{facts.recipe.backbone.name}, an image classifier in INT8",
    ),
    ("TrustIngredients/AISystemFacts/FoundationModels", _foundation),
    ("TrustIngredients/AISystemFacts/InputDataSource", lambda facts: facts.recipe.about.source),
    ("TrustIngredients/AISystemFacts/OutputAndInputDataTypes", input_in_words),
    ("TrustIngredients/AISystemFacts/DevelopmentDataCharacterization", "(4)(iii)"),
    ("TrustIngredients/AISystemFacts/BiasMitigationApproaches", "(5)(ii)"),
    ("TrustIngredients/AISystemFacts/OngoingMaintenance", "(8)(i)"),
    (
        "TrustIngredients/AISystemFacts/Security",
        lambda _: "every part of the bundle has its SHA-256 in the manifest, checked at each load",
    ),
    (
        "TrustIngredients/AISystemFacts/Transparency",
        lambda _: "recipe, evidence and this card travel in the bundle",
    ),
    ("TrustIngredients/TransparencyInformation/FundingSource", "(1)(ii)"),
    ("TrustIngredients/TransparencyInformation/StakeholdersConsulted", lambda _: NOT_STATED),
    ("KeyMetrics/UsefulnessUsabilityEfficacy/MetricGoal", lambda _: "AUROC of the INT8 model"),
    ("KeyMetrics/UsefulnessUsabilityEfficacy/Results", _usefulness),
    (
        "KeyMetrics/UsefulnessUsabilityEfficacy/Interpretation",
        lambda _: "how well it ranks images of this data set; .5 is a coin; DeLong, 95 %",
    ),
    ("KeyMetrics/UsefulnessUsabilityEfficacy/TestType", lambda _: "retrospective, internal"),
    ("KeyMetrics/UsefulnessUsabilityEfficacy/TestingDataDescription", _test_data),
    (
        "KeyMetrics/UsefulnessUsabilityEfficacy/ValidationProcessAndJustification",
        lambda _: _BY_PROGRAM,
    ),
    (
        "KeyMetrics/FairnessEquity/MetricGoal",
        lambda _: "no group loses sensitivity or specificity by compression",
    ),
    ("KeyMetrics/FairnessEquity/Results", lambda facts: gate_in_words(facts.gate)),
    (
        "KeyMetrics/FairnessEquity/Interpretation",
        lambda facts: f"{_worst_rates(facts)}; the fewer the patients, the wider the interval",
    ),
    ("KeyMetrics/FairnessEquity/TestType", lambda _: "retrospective, internal, by group"),
    ("KeyMetrics/FairnessEquity/TestingDataDescription", _test_data),
    ("KeyMetrics/FairnessEquity/ValidationProcessAndJustification", lambda _: _BY_PROGRAM),
    (
        "KeyMetrics/SafetyReliability/MetricGoal",
        lambda _: "INT8 decides as full precision does, or refers to a person",
    ),
    ("KeyMetrics/SafetyReliability/Results", _flips),
    (
        "KeyMetrics/SafetyReliability/Interpretation",
        lambda _: "test images decided otherwise, and how many of them are referred",
    ),
    ("KeyMetrics/SafetyReliability/TestType", lambda _: "retrospective, internal, paired"),
    ("KeyMetrics/SafetyReliability/TestingDataDescription", _test_data),
    ("KeyMetrics/SafetyReliability/ValidationProcessAndJustification", lambda _: _BY_PROGRAM),
    ("Resources/EvaluationReferences", "(7)(v)"),
    ("Resources/ClinicalTrial", lambda _: f"none is known to the program; {NOT_STATED}"),
    ("Resources/PeerReviewedPublications", lambda _: NOT_STATED),
    ("Resources/ReimbursementStatus", lambda _: "none"),
    ("Resources/PatientConsentOrDisclosure", lambda _: NOT_STATED),
    ("Bibliography", lambda facts: facts.recipe.about.citation),
)
