"""How each metric is spoken of: its name, what it means, what it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MetricWords", "metric_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricWords:
    """How one metric is spoken of.

    Attributes
    ----------
    title : str
        Heading for a reader who knows no statistics.
    errors : str
        What is counted, in the plural, to stand after "harm by"; empty where nothing is an error.
    meaning : str
        What it is a share of, to stand after the title.
    happening : str
        What the model does to those counted, to stand after "of 100 who ..., the model".
    among : str
        Whom it counts, to stand after "of 100".
    is_share : bool
        Whether it is a share of cases; AUROC is not.
    is_headline : bool
        Whether the terminal shows it, although it is not judged.
    unit : str
        What it is measured in; empty if in nothing.
    """

    title: str
    errors: str = ""
    meaning: str
    happening: str = ""
    among: str = ""
    is_share: bool = True
    is_headline: bool = False
    unit: str = ""

    @property
    def after_figure(self) -> str:
        """The unit as it stands behind a figure."""
        return f" {self.unit}" if self.unit else ""


_METRICS: Mapping[str, MetricWords] = MappingProxyType(
    {
        "false_negative_rate": MetricWords(
            title="Missed by the model",
            errors="missed cases",
            meaning="False negative rate: of those who have it, the share the model misses.",
            happening="misses",
            among="who have it",
        ),
        "false_positive_rate": MetricWords(
            title="False alarms",
            errors="false alarms",
            meaning="False positive rate: of those who do not have it, the share it flags.",
            happening="wrongly flags",
            among="who do not have it",
        ),
        "sensitivity": MetricWords(
            title="Sensitivity", meaning="Of those who have it, the share the model finds."
        ),
        "specificity": MetricWords(
            title="Specificity", meaning="Of those who do not have it, the share it clears."
        ),
        "ppv": MetricWords(
            title="Positive predictive value",
            meaning="Of those the model flags, the share who have it.",
        ),
        "npv": MetricWords(
            title="Negative predictive value",
            meaning="Of those the model clears, the share who do not have it.",
        ),
        "prevalence": MetricWords(
            title="Prevalence", meaning="Of all labelled cases, the share who have it."
        ),
        "auroc": MetricWords(
            title="AUROC",
            meaning=(
                "How often a case with the finding scores higher than one without: "
                "0.5 is a coin toss, 1 is perfect."
            ),
            is_share=False,
            is_headline=True,
        ),
        "wrong_answers": MetricWords(
            title="Wrong answers",
            errors="wrong answers",
            meaning="Of all labelled cases, the share in which the model names another class.",
            happening="names the wrong class of",
            among="who were read",
        ),
        "mean_share_missed": MetricWords(
            title="Missed, averaged over the classes",
            errors="missed classes",
            meaning="The share of each class that is missed, averaged so that each counts alike.",
        ),
        "accuracy": MetricWords(
            title="Accuracy", meaning="Of all labelled cases, the share named rightly."
        ),
        "mean_recall": MetricWords(
            title="Mean recall",
            meaning="The share of each class that is found, averaged so that each counts alike.",
        ),
        "weighted_disagreement": MetricWords(
            title="Disagreement on the grade",
            errors="wrong grades",
            meaning=(
                "1 less the quadratic weighted kappa: the squared distance of the grades as a "
                "share of what chance alone would show. 0 is perfect, 1 is chance."
            ),
            is_share=False,
        ),
        "quadratic_kappa": MetricWords(
            title="Quadratic weighted kappa",
            meaning="Agreement on the grade: 1 is perfect, 0 is chance, below 0 is worse.",
            is_share=False,
            is_headline=True,
        ),
        "graded_too_low": MetricWords(
            title="Graded too low", meaning="Of all labelled cases, the share graded too low."
        ),
        "graded_too_high": MetricWords(
            title="Graded too high", meaning="Of all labelled cases, the share graded too high."
        ),
        "mean_absolute_error": MetricWords(
            title="Mean absolute error",
            errors="larger errors",
            meaning="How far the model is off on average, to either side.",
            is_share=False,
        ),
        "bias": MetricWords(
            title="Bias",
            meaning="Mean of the model's figure less the truth: above 0 it says too much.",
            is_share=False,
            is_headline=True,
        ),
        "within_tolerance": MetricWords(
            title="Within the tolerance", meaning="Of all labelled cases, the share close enough."
        ),
        "dice_lack": MetricWords(
            title="Area outlined wrongly",
            errors="worse outlines",
            meaning="What the mean Dice coefficient lacks to 1: 0 is perfect, 1 covers nothing.",
            is_share=False,
        ),
        "dice": MetricWords(
            title="Dice coefficient",
            meaning=(
                "Mean over the images of twice the common area over both areas; 1 where both "
                "outlines are empty, 0 where one is."
            ),
            is_share=False,
            is_headline=True,
        ),
        "dice_tenth_percentile": MetricWords(
            title="Dice coefficient, tenth percentile",
            meaning="One image of ten is outlined no better than this.",
            is_share=False,
        ),
        "failed_outlines": MetricWords(
            title="Failed outlines", meaning="Of all labelled images, the share that failed."
        ),
    }
)


def metric_words(metric: str) -> MetricWords:
    """Return how `metric` is spoken of; one we have no words for keeps its own name.

    A unit stands behind the name in brackets.

    Examples
    --------
    >>> metric_words("mean_absolute_error [months]").unit
    'months'
    """
    name, bracket, unit = metric.partition(" [")
    plain = name.replace("_", " ")
    words = _METRICS.get(
        name, MetricWords(title=plain[:1].upper() + plain[1:], errors=plain, meaning="")
    )
    return replace(words, unit=unit.removesuffix("]")) if bracket else words
