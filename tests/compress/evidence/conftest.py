"""The facts of two made-up bundles: one with every part, one as a plain recipe gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgefair.bundle.manifest import (
    Calibration,
    Contract,
    Input,
    Normalize,
    OperatingPoint,
    Outputs,
    ResizeArea,
)
from edgefair.compress.evidence.card import (
    CardFacts,
    DistillationFacts,
    QuantizationFacts,
    Sizes,
    TriedForm,
    Variant,
)
from edgefair.compress.evidence.comparison import AurocCell, ModelRow
from edgefair.compress.evidence.evaluation import (
    AloneRow,
    Flips,
    GroupRow,
    Measured,
    PointRow,
    SplitRow,
)
from edgefair.compress.gate.records import (
    SENSITIVITY,
    SPECIFICITY,
    AcceptedConditions,
    Comparison,
    Condition,
    EncodingRow,
    Flip,
    GateCell,
    GateResult,
    ScoreChange,
)
from edgefair.compress.recipe_reader import parse_recipe
from edgefair.compress.training.loop import TrainingLog
from edgefair.records import Attribute, Group, Interval, VerdictKind

PLAIN = """
name = "tiny"
version = "0.1.0"
task = "binary"
seed = 3
intended_use = "Finds opacities on made-up images."

[accepts]
modalities = ["DX"]
body_parts = ["CHEST"]
min_side_px = 32

[input]
side_px = 32
mean = 0.5
std = 0.25

[data]
folder = "."
labels = ["opacity"]
groups = ["sex", "age:0,40", "sex+age:0,40"]
split_column = "split"

[backbone]
name = "small-cnn"

[training]
epochs = 2
patience = 4
batch = 16
learning_rate = 1e-2
head_learning_rate = 1e-2
weight_decay = 0.0
dropout = 0.0
augmentation = 0.1

[quantization]
images = 32

[[operating_points]]
name = "balanced"
aim = "youden"

[about]
title = "Squares"
source = "Drawn by the test"
licence = "CC0-1.0"
citation = "Nobody, 2026"
"""

FULL = """
traps = ["One scanner took all of the positives."]
developer = "A university"
contact = "models@university.example"
funding = "Its own"
released = "2026-05-01"
users = "Radiographers"
patients = "Adults"
out_of_scope = ["Children.", "Lateral views."]
criteria = "Every third image of 2025."
ethics = ["The labels were mined from reports."]
external_validation = "None."
maintenance = "Looked at every quarter"
updates = "Once a year"

[backbone.weights]
package = "small_cnn_weights"
version = "1.2"
file = "small_cnn_weights/small.pth"
sha256 = "{digit}"
licence = "Apache-2.0"

[teacher]
kind = "sam"
name = "mobile-sam"

[teacher.input]
side_px = 64
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]

[teacher.weights]
package = "sam_weights"
version = "3.0"
file = "sam_weights/mobile.pt"
sha256 = "{digit}"
licence = "Apache-2.0"

[distillation]
epochs = 3
batch = 16
learning_rate = 1e-3
projector_learning_rate = 1e-2
weight_decay = 0.0
augmentation = 0.5

[gate]
margin = 0.1
""".format(digit="0123456789abcdef" * 4)

POINT = OperatingPoint(
    name="balanced",
    finding="opacity",
    threshold=0.4,
    refer_half_width=0.01,
    chosen_for="largest sum of sensitivity and specificity",
    chosen_on="val split, 20 images",
)
WOMEN = Group(attributes=(Attribute(name="sex", value="F"),))
OLD_WOMEN = Group(attributes=(*WOMEN.attributes, Attribute(name="age", value="40+")))
BINDING = Comparison(before="student fp32", after="student INT8", is_binding=True)
INFORMING = Comparison(before="teacher", after="student INT8", is_binding=False)
AREA = Interval(0.9, 0.85, 0.94, 0.95, 100)
LOWER_AREA = Interval(0.8, 0.7, 0.88, 0.95, 50)
RATE = Interval(0.9, 0.8, 0.95, 0.95, 50)


def _row(group: str, positives: int, area: Interval | None) -> GroupRow:
    return GroupRow(
        finding="opacity",
        group=group,
        positives=positives,
        negatives=50,
        auroc=area,
        auroc_full_precision=area,
        sensitivity=RATE if positives else None,
        specificity=RATE,
    )


def _cell(
    comparison: Comparison, group: Group, metric: str, verdict: VerdictKind, loss: Interval
) -> GateCell:
    return GateCell(
        comparison=comparison,
        finding="opacity",
        group=group,
        metric=metric,
        before=RATE,
        after=RATE,
        loss=loss,
        flips_to_wrong=2,
        flips_to_right=1,
        to_wrong=Interval(0.04, 0.01, 0.13, 0.95, 50),
        p_harm=1.0,
        p_ok=0.001,
        mcnemar_p=1.0,
        verdict=verdict,
        labels_needed=80 if verdict is VerdictKind.NOT_ENOUGH_DATA else None,
    )


def _flip(label: bool | None, *, flagged: bool) -> Flip:
    return Flip(
        comparison=BINDING,
        image="a.png",
        finding="opacity",
        group=WOMEN,
        label=label,
        flagged_after=flagged,
        probability_before=0.41,
        probability_after=0.39,
    )


def _models() -> tuple[ModelRow, ...]:
    def cells(area: Interval) -> tuple[AurocCell, ...]:
        return (
            AurocCell(finding="opacity", group="everybody", n=100, auroc=area),
            AurocCell(finding="opacity", group="sex F", n=50, auroc=area),
            AurocCell(finding="opacity", group="sex M", n=50, auroc=None),
        )

    names = (
        ("teacher + linear probe", "edgefair compress embed recipe.toml", AREA, 40_000_000),
        ("student without the teacher", "edgefair compress train recipe.toml", LOWER_AREA, None),
        ("distilled student", "edgefair compress train recipe.toml", AREA, 13_440_000),
        ("distilled student, INT8", "edgefair compress run recipe.toml", AREA, 3_790_000),
    )
    return tuple(
        ModelRow(name=name, command=command, aurocs=cells(area), size_bytes=size)
        for name, command, area, size in names
    )


@pytest.fixture
def gate() -> GateResult:
    """Return a gate that passed with one condition, which somebody accepted."""
    small, wide = Interval(0.02, -0.01, 0.05, 0.95, 50), Interval(0.05, -0.1, 0.2, 0.95, 5)
    ok, unsure = VerdictKind.SHOWN_OK, VerdictKind.NOT_ENOUGH_DATA
    return GateResult(
        cases=100,
        margin=0.1,
        alpha=0.05,
        cells=(
            _cell(BINDING, Group(), SENSITIVITY, ok, small),
            _cell(BINDING, WOMEN, SENSITIVITY, ok, small),
            _cell(BINDING, OLD_WOMEN, SPECIFICITY, unsure, wide),
            _cell(INFORMING, Group(), SENSITIVITY, ok, small),
        ),
        scores=(
            ScoreChange(
                comparison=BINDING,
                finding="opacity",
                group=Group(),
                positives=50,
                negatives=50,
                before=AREA,
                after=AREA,
                loss=Interval(0.0, -0.02, 0.02, 0.95, 100),
                p_value=1.0,
                logit_change_p95=0.25,
            ),
        ),
        flips=(_flip(True, flagged=False), _flip(False, flagged=True), _flip(None, flagged=True)),
        encodings=(
            EncodingRow(
                embedding="teacher", attribute="sex", value="F", n=100, share=0.5, auroc=AREA
            ),
        ),
        conditions=(
            Condition(
                comparison=BINDING,
                finding="opacity",
                group=OLD_WOMEN,
                metric=SPECIFICITY,
                n=5,
                needed=80,
                sentence="About 80 more women of 40 and over without it would tell.",
            ),
        ),
        accepted=AcceptedConditions(by="A. Person", reason="the clinic will count them"),
    )


@pytest.fixture
def plain_facts() -> CardFacts:
    """Return what a recipe without teacher, gate and datasheet gives."""
    return CardFacts(
        recipe=parse_recipe(PLAIN),
        command="edgefair compress run recipe.toml",
        contract=Contract(
            name="tiny",
            version="0.1.0",
            task=parse_recipe(PLAIN).task,
            findings=("opacity",),
            input=Input(name="image", channels=1, height_px=32, width_px=32),
            preprocessing=(ResizeArea(height_px=32, width_px=32), Normalize(mean=0.5, std=0.25)),
            outputs=Outputs(
                logits="logits",
                embedding="embedding",
                embedding_size=64,
                heat_map="heat_map",
                heat_map_height=4,
                heat_map_width=4,
            ),
        ),
        calibration=(
            Calibration(
                finding="opacity",
                method="platt",
                slope=1.0,
                intercept=-0.5,
                fitted_on="val split, 20 images",
            ),
        ),
        calibration_images=32,
        log=TrainingLog(val_aurocs=(0.8, 0.9), best_epoch=2),
        measured=Measured(
            splits=(
                SplitRow(split="train", finding="opacity", images=60, positives=30, negatives=30),
                SplitRow(split="val", finding="opacity", images=20, positives=10, negatives=10),
                SplitRow(split="test", finding="opacity", images=100, positives=50, negatives=50),
            ),
            groups=(
                _row("everybody", 50, AREA),
                _row("sex F", 50, LOWER_AREA),
                _row("sex M", 0, None),
            ),
            points=(
                PointRow(
                    point=POINT, split="test", sensitivity=RATE, specificity=RATE, referred=RATE
                ),
            ),
            flips=(Flips(point=POINT, images=100, to_negative=2, to_positive=1, referred=2),),
            shortcuts=(AloneRow(finding="opacity", name="sex", images=100, auroc=LOWER_AREA),),
            subsets=(),
        ),
        sizes=Sizes(full_precision=13_440_000, int8=3_790_000),
        environment=(("Python", "3.11.7"), ("torch", "2.13.0")),
    )


@pytest.fixture
def full_facts(plain_facts: CardFacts, gate: GateResult) -> CardFacts:
    """Return what a recipe with everything gives."""
    return replace(
        plain_facts,
        recipe=parse_recipe(PLAIN + FULL),
        recipe_sha256="ab" * 32,
        data_digest="cd" * 32,
        gate=gate,
        comparison=_models(),
        distillation=DistillationFacts(
            images=60, epochs=3, measured_on="val split, 20 images", r_squared=0.61, cosine=0.9
        ),
        quantization=QuantizationFacts(
            form="static INT8, uint8 activations, last layer in float",
            tried=(
                TriedForm(form="all layers", passed=False, worst="6.0 points in sex F"),
                TriedForm(form="last layer in float", passed=True),
            ),
            variants=(
                Variant(part="model-avx2.onnx", processors="x86 without VNNI"),
                Variant(part="model.onnx", processors="all others"),
            ),
        ),
        datasheet_headlines=("Two patients are in two splits.",),
    )
