"""Variants side by side, on answers that are written here."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from written_answers import write_answers

from lungml.members.ablation import TOGETHER, ablate, ablation_lines
from lungml.members.outcome import estimate, out_of_fold
from lungml.params.task import FinetuneParams


def ablation_of(job, answers, variants):
    """Answers of variant a and b, as `write_answers` takes them."""
    write_answers(job, answers)
    return ablate(replace(job, finetune=FinetuneParams(fit="refit", repeats=2, variants=variants)))


def a_guesses_and_b_knows(rows, plan):
    rng = np.random.default_rng(plan.number)
    return 0.5 * rng.uniform(0, 1, len(rows)) + (0.5 * rows["label"] if plan.variant == "b" else 0)


def auroc_of(job, variant):
    table = out_of_fold(job, variant)
    return roc_auc_score(table["label"], np.stack(table["probabilities_tta"])[:, 1])


def test_a_variant_that_knows_more_is_better_than_the_one_that_changes_nothing(job):
    found = ablation_of(job, a_guesses_and_b_knows, {"a": {}, "b": {"head": "mlp"}})

    gain = found["by_variant"]["b"]["tta_minus_unchanged"]["auroc"]
    assert found["unchanged"] == "a"
    assert gain["value"] == pytest.approx(auroc_of(job, "b") - auroc_of(job, "a"))
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert "tta_minus_unchanged" not in found["by_variant"]["a"]


def test_the_mean_answer_of_all_is_judged_beside_them(job):
    found = ablation_of(job, a_guesses_and_b_knows, {"a": {}, "b": {"head": "mlp"}})["by_variant"]

    together = found[TOGETHER]
    assert {name: together[name] for name in ("raw", "tta")} == estimate(out_of_fold(job))
    gain = together["raw_minus_unchanged"]["auroc"]["value"]
    assert gain == pytest.approx(together["raw"]["auroc"]["value"] - found["a"]["raw"]["auroc"]["value"])


def test_variants_that_answer_alike_differ_by_nothing(job):
    def alike(rows, plan):
        return np.random.default_rng(plan.fold).uniform(0, 1, len(rows))

    found = ablation_of(job, alike, {"a": {}, "b": {"head": "mlp"}})["by_variant"]

    assert found["b"]["raw_minus_unchanged"]["weighted_auprc"] == {"value": 0, "low": 0, "high": 0}


def test_without_a_variant_that_changes_nothing_none_is_compared(job):
    found = ablation_of(job, a_guesses_and_b_knows, {"a": {"head": "corn"}, "b": {"head": "mlp"}})

    assert found["unchanged"] is None
    assert all(set(values) == {"raw", "tta"} for values in found["by_variant"].values())


def test_one_variant_is_no_ablation(job):
    assert ablate(replace(job, variants={"a": None})) == {}
    assert ablation_lines({}) == []


def test_a_line_says_what_a_variant_is_worth_and_what_it_changes():
    def cell(value):
        return {"value": value, "low": value - 0.02, "high": value + 0.02}

    plain = {"tta": {"weighted_auprc": cell(0.5)}}
    wide = {"tta": {"weighted_auprc": cell(0.49)}, "tta_minus_unchanged": {"weighted_auprc": cell(-0.01)}}
    few = {"tta": {"weighted_auprc": {"value": None, "low": None, "high": None}}}

    assert ablation_lines(
        {"unchanged": "plain", "by_variant": {"plain": plain, "wide": wide, "few": few}}
    ) == [
        "plain: weighted AUPRC 0.500 (0.480 to 0.520)",
        "wide: weighted AUPRC 0.490 (0.470 to 0.510); minus plain: -0.010 (-0.030 to +0.010)",
        "few: weighted AUPRC not defined",
    ]
