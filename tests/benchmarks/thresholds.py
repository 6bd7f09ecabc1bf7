"""How far does chance move a recipe's operating points, chosen in one way or another?

    python -m tests.benchmarks.thresholds RECIPE WORK [--data DIR] [--repetitions 500]

WORK is the folder of finished stages of a recipe with cross-fitting. The patients that are
chosen on are drawn anew, with replacement; calibration and threshold are fitted to them, and held
to the test split as it is. Printed are sensitivity and specificity there at the real choice, and
their standard deviations over the draws: what the choice alone adds to them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.data.cases import Cases, read_cases
from edgefair.compress.evidence.calibrate import choose_operating_point, fit_calibration
from edgefair.compress.recipe import Aim, Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.stages.cross_fit import CrossFitted, FoldAnswers, folds_of
from edgefair.compress.stages.measure import pooled

AIMS = (
    Aim(name="balanced", aim="youden"),
    Aim(name="balanced", aim="prevalence"),
    Aim(name="screening", aim="sensitivity", at_least=0.95),
    Aim(name="confirming", aim="specificity", at_least=0.95),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Cases to choose on."""

    name: str
    logits: NDArray[np.float32]
    labels: NDArray[np.float32]
    patients: NDArray[np.str_]

    def drawn(self, rng: np.random.Generator) -> Chosen:
        """Return the cases of as many patients, drawn with replacement."""
        names, codes = np.unique(self.patients, return_inverse=True)
        of_patient = [np.flatnonzero(codes == code) for code in range(len(names))]
        rows = np.concatenate([of_patient[i] for i in rng.integers(0, len(names), len(names))])
        return replace(
            self,
            logits=self.logits[rows],
            labels=self.labels[rows],
            patients=self.patients[rows],
        )


def rates(chosen: Chosen, aim: Aim, recipe: Recipe, test: Chosen) -> tuple[float, float]:
    """Return sensitivity and specificity on test of what is chosen, for the first finding."""
    (fit, *_) = fit_calibration(
        chosen.logits, chosen.labels, recipe.findings, recipe.task, fitted_on=""
    )

    def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
        scaled = logits[:, 0].astype(np.float64) * fit.slope + fit.intercept
        return np.asarray(1 / (1 + np.exp(-scaled)))

    point = choose_operating_point(
        probabilities(chosen.logits), chosen.labels[:, 0], "", aim, half_width=0.0, chosen_on=""
    )
    flagged = probabilities(test.logits) >= point.threshold
    positive, negative = test.labels[:, 0] == 1, test.labels[:, 0] == 0
    return float(flagged[positive].mean()), float(1 - flagged[negative].mean())


def _ways(recipe: Recipe, cases: Cases, work: Path) -> tuple[Chosen, ...]:
    def load(name: str) -> NDArray[np.float32]:
        return np.asarray(np.load(work / name, allow_pickle=False))

    dealt = folds_of(cases, recipe)
    fitted = CrossFitted(
        folds=tuple(
            FoldAnswers(
                rows=np.flatnonzero(dealt == fold),
                held_out=load(f"cross-fit-{fold + 1}/held-out.npy"),
                val=load(f"cross-fit-{fold + 1}/val.npy"),
            )
            for fold in range(dealt.max() + 1)
        )
    )
    val = load("answers-val/int8-logits.npy")
    held = np.array(cases.of("val").patients)
    everybody = np.concatenate([np.array(cases.of("train").patients), held])
    both = pooled(cases, val, fitted)
    # as if every student's logits were on one scale
    plain = pooled(cases, val, CrossFitted(folds=tuple(replace(f, val=val) for f in fitted.folds)))
    return (
        Chosen(name="val", logits=val, labels=cases.of("val").labels, patients=held),
        Chosen(name="pool", logits=both.logits, labels=both.cases.labels, patients=everybody),
        Chosen(
            name="pool, not equated",
            logits=plain.logits,
            labels=plain.cases.labels,
            patients=everybody,
        ),
    )


def _shown(pair: tuple[float, ...]) -> str:
    return " | ".join(f"{value:.3f}" for value in pair)


def main() -> None:
    """Print one row for each way of choosing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repetitions", type=int, default=500)
    asked = parser.parse_args()
    recipe = read_recipe(asked.recipe)
    cases = read_cases(recipe, asked.data or asked.recipe.parent / recipe.data.folder)
    test = Chosen(
        name="test",
        logits=np.load(asked.work / "answers-test/int8-logits.npy", allow_pickle=False),
        labels=cases.of("test").labels,
        patients=np.array(cases.of("test").patients),
    )
    print("| chosen on | aim | sensitivity | specificity | SD | SD |\n|---|---|---|---|---|---|")
    for way in _ways(recipe, cases, asked.work):
        for aim in AIMS:
            rng = np.random.default_rng(0)
            found = [rates(way.drawn(rng), aim, recipe, test) for _ in range(asked.repetitions)]
            spread = tuple(np.std(found, axis=0).tolist())
            print(
                f"| {way.name} | {aim.name}, {aim.aim} | {_shown(rates(way, aim, recipe, test))} "
                f"| {_shown(spread)} |"
            )


if __name__ == "__main__":
    main()
