import pandas as pd
import pytest

from lungml.figures.search import draw_importance, draw_learning_curve, draw_trials
from lungml.figures.style import save
from lungml.tuning.candidate import Candidate
from lungml.tuning.trials import TrialResult


def trial(number, *scores, pruned=False):
    return TrialResult(number, Candidate({"batch_size": 16}), pruned, scores)


TRIALS = [trial(0, 0.5, 0.6), trial(1, 0.7, pruned=True), trial(2, 0.65, 0.62), trial(3, pruned=True)]


def test_the_line_of_the_search_is_the_best_complete_trial_so_far():
    line = draw_trials(TRIALS, "search").axes[0].lines[0]

    assert line.get_xydata().tolist() == [[1, 0.6], [3, 0.65]]


def test_complete_and_pruned_trials_are_told_apart():
    complete, pruned = draw_trials(TRIALS, "search").axes[0].collections

    assert complete.get_offsets().tolist() == [[1, 0.6], [3, 0.65]]
    assert pruned.get_offsets().tolist() == [[2, 0.7]]
    assert len(pruned.get_facecolor()) == 0 or pruned.get_facecolor()[0, 3] == 0


def test_the_most_important_hyper_parameter_is_on_top(tmp_path):
    figure = draw_importance({"head": 0.1, "learning_rate": 0.7, "augment.zoom": 0.2}, "importance")

    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["head", "augment.zoom", "learning_rate"]
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7]


def test_where_nothing_can_be_said_of_importance_the_figure_says_so(tmp_path):
    figure = draw_importance({}, "importance")

    assert [text.get_text() for text in figure.axes[0].texts] == ["too few trials to say"]
    save(figure, tmp_path / "importance.png")


@pytest.mark.parametrize("phases", [["head", "schedule", "schedule"], ["schedule"] * 3])
def test_the_learning_curve_shows_the_history_and_marks_the_best_epoch(phases, tmp_path):
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "phase": phases,
            "train_loss": [0.9, 0.8, 0.7],
            "val_loss": [0.8, 0.7, 0.9],
            "val_weighted_auprc": [0.5, 0.7, 0.6],
            "val_balanced_accuracy": [0.5, 0.6, 0.6],
            "learning_rate": [1e-3, 1e-2, 1e-4],
        }
    )

    figure = draw_learning_curve({"plain": history}, {"plain": 2}, title="curve")

    losses, scores, rates = figure.axes
    assert losses.lines[1].get_ydata().tolist() == [0.8, 0.7, 0.9]
    assert scores.lines[0].get_ydata().tolist() == [0.5, 0.7, 0.6]
    assert rates.get_yscale() == "log"
    assert all(axes.lines[-1].get_xdata()[0] == 2 for axes in figure.axes)
    assert len(losses.patches) == phases.count("head")
    save(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_variants_of_different_length_have_a_column_each(tmp_path):
    long = pd.DataFrame({"epoch": range(1, 7), "phase": "schedule"}).assign(
        train_loss=0.5, val_loss=0.4, val_weighted_auprc=0.9, val_balanced_accuracy=0.8, learning_rate=1e-3
    )
    curves = {"plain": long, "short": long.head(3).assign(val_loss=0.7)}

    figure = draw_learning_curve(curves, {"plain": 6, "short": 3}, title="curve")

    plain, short, *_ = figure.axes
    assert [axes.get_title(loc="left") for axes in (plain, short)] == ["plain", "short"]
    assert len(plain.lines[1].get_ydata()) == 6
    assert short.lines[1].get_ydata().tolist() == [0.7] * 3
    assert plain.get_ylim() == short.get_ylim()
    assert [axes.lines[-1].get_xdata()[0] for axes in figure.axes] == [6, 3] * 3
    save(figure, tmp_path / "curve.png")
