"""Recipes: those of the models, and every fault of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefair.bundle.manifest import Task
from edgefair.compress.recipe_reader import parse_recipe, read_recipe
from edgefair.errors import InputError

MODELS = Path(__file__).resolve().parents[2] / "models"
TEXT = (MODELS / "chest-xray" / "recipe.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/recipe.toml")), ids=lambda p: p.parent.name)
def test_the_recipes_of_the_models_hold(path: Path) -> None:
    recipe = read_recipe(path)

    assert recipe.name == path.parent.name
    assert recipe.task is Task.BINARY


def test_all_faults_are_said_at_once_with_their_paths() -> None:
    text = (
        TEXT.replace("epochs = 6", 'epochs = "six"')
        .replace('task = "binary"', 'task = "ternary"')
        .replace("[quantization]\nimages", "[quantization]\npictures")
    )

    with pytest.raises(InputError) as caught:
        parse_recipe(text)

    assert "expected a whole number, got 'six' @ recipe.training.epochs" in caught.value.message
    assert "expected one of binary, multi_label, multi_class @ recipe.task" in caught.value.message
    assert "required field missing @ recipe.quantization.images" in caught.value.message
    assert "extra fields found (pictures) @ recipe.quantization" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('name = "chest-xray"', 'name = "Chest X-ray"', "name must be lower-case words"),
        ('version = "0.3.0"\ntask', 'version = "1"\ntask', "version must be three numbers"),
        ('"efficientnet-lite0"', '"lite0"', "backbone.name must be one of efficientnet-lite0"),
        ("teacher_weight = 0.3", "teacher_weight = 1.5", "teacher_weight must be in"),
        ("temperature = 2.0", "temperature = 0.0", "training.temperature must be above 0"),
        ("[distillation]\nepochs = 8", "[distillation]\nepochs = 0", "distillation.epochs"),
        ("std = [1.0, 1.0, 1.0]", "std = [1.0]", "as many means as standard deviations"),
        ('kind = "sam"\nname = "lite-medsam"', 'kind = "sam"', "teacher.name is needed"),
        ("margin = 0.10", "margin = 1.0", "gate.margin must be in"),
        ("without_teacher = true", "without_teacher = 1", "expected true or false"),
        (
            "[backbone]\n",
            '[[data.catchment]]\nby = "sex"\ngroup = "F"\nshare = 0.4\n\n[backbone]\n',
            "the shares of sex add up to 0.4, not 1",
        ),
        ('["pneumonia"]', "[]", "exactly one label column"),
        ('["pneumonia"]', '["pneumonia", "mass"]', "exactly one label column"),
        ('task = "binary"', 'task = "multi_class"', "two or more classes"),
        ('["pneumonia"]', '["p"]\nclasses = ["a", "b"]', "goes with a multi_class task"),
        ('folder = "../../../shared/data/nih1000"', "", "either a folder or a phantom"),
        ('split_column = "split"', "", "either a split_column or a split_fractions"),
        ("side_px = 256", "side_px = 225", "multiple of 32"),
        ("std = 0.50196078", "std = 0", "std must be above 0"),
        ("min_side_px = 128", "min_side_px = 0", "min_side_px must be above 0"),
        ("dropout = 0.3", "dropout = 1.0", "dropout must be in"),
        ("augmentation = 1.0", "augmentation = 1.5", "augmentation must be in"),
        ("batch = 32", "batch = 1", "batch must be above 1"),
        ("seed = 0", "seed = -1", "seed must not be negative"),
        ("learning_rate = 2e-4", "learning_rate = 0.0", "learning rates must be above 0"),
        ("at_least = 0.95\n\n[[", "at_least = 1.5\n\n[[", "screening needs at_least"),
        ('aim = "prevalence"', 'aim = "youden"\nat_least = 0.5', "balanced takes no at_least"),
        ('"prevalence"', '"prevalence"\nat_least = 0.5', "balanced takes no at_least"),
        ('keep = "last"', 'keep = "best"', "training.patience must be above 0"),
        ('keep = "last"', 'keep = "last"\npatience = 3', "no use where the last epoch is kept"),
        ('keep = "last"', 'keep = "first"', "expected one of best, last @ recipe.training.keep"),
        ("folds = 4", "folds = 1", "cross_fitting.folds must be at least 2"),
        ('name = "screening"', 'name = "balanced"', "distinct names"),
        ("id_matched=1", "id_matched", "not of the form column=value"),
        ("age:0,18,40,60,80", "age:0,18,18", "has bins that do not rise"),
        ('sha256 = "57', 'sha256 = "', "64 lower-case hexadecimal digits"),
        ('package = "', 'package = "--index-url=', "must be the name of a package"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(old: str, new: str, fault: str) -> None:
    assert old in TEXT

    with pytest.raises(InputError, match=fault):
        parse_recipe(TEXT.replace(old, new, 1))


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(InputError, match="recipe does not hold"):
        parse_recipe("name = = 3")


def test_a_missing_recipe_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml cannot be read: No such file"):
        read_recipe(tmp_path / "nothing.toml")


def test_findings_are_the_classes_or_else_the_label_columns() -> None:
    classes = '["diagnosis"]\nclasses = ["normal", "pneumonia", "tuberculosis"]'
    text = TEXT.replace('["pneumonia"]', classes).replace('"binary"', '"multi_class"')

    assert parse_recipe(TEXT).findings == ("pneumonia",)
    assert parse_recipe(text).findings == ("normal", "pneumonia", "tuberculosis")
