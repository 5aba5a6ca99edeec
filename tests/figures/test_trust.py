import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from trust_examples import example_evidence, example_trust

from lungml.figures.trust import (
    decision_figure,
    draw_trust,
    reliability_figure,
    risk_coverage_figure,
    subgroups_figure,
)
from lungml.terms import Task


@pytest.mark.parametrize("task", [Task.NODULE_BINARY, Task.NODULE_FIVE])
def test_every_figure_of_trust_is_drawn_the_same_twice(task, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        draw_trust(tmp_path / folder, task, example_evidence(task).test.cases, example_trust(task))

    drawn = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert drawn == ["decision.png", "reliability.png", "risk_coverage.png", "subgroups.png"]
    for name in drawn:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_each_group_has_a_row_and_a_small_one_says_too_few():
    groups = example_trust()["subgroups"]["groups"]

    (axes,) = subgroups_figure(example_trust()["subgroups"], "task").axes

    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"{row['grouping']}: {row['group']}, {row['n']}" for row in groups
    ]
    said = [text.get_text() for text in axes.texts]
    assert said.count("too few") == sum(row["too_few"] for row in groups) > 0


def test_the_decision_curve_shows_the_model_everyone_and_no_one():
    figure = decision_figure(example_trust()["decision"], "task")

    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["act on the model", "act on everyone", "act on no one"]
    model = figure.axes[0].get_lines()[0].get_ydata()
    assert list(model) == [point["model"]["value"] for point in example_trust()["decision"]["points"]]


def test_the_risk_coverage_curve_ends_at_all_cases_and_their_error():
    selective = example_trust()["selective"]

    figure = risk_coverage_figure(example_evidence().test.cases, selective, "task")

    coverage, risk = figure.axes[0].get_lines()[0].get_data()
    assert (coverage[-1], risk[-1]) == (1.0, pytest.approx(selective["area_without_order"]))


def test_reliability_shows_the_probabilities_as_trained_and_as_repaired():
    calibration = example_trust()["calibration"] | {"chosen": "isotonic"}

    figure = reliability_figure(calibration, "task")

    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["what is stated comes true", "as trained", "isotonic"]


def test_nothing_is_drawn_outside_the_figure():
    figure = subgroups_figure(example_trust()["subgroups"], "nodule-binary: AUROC by group on test")
    FigureCanvasAgg(figure).draw()

    box = figure.get_tightbbox()
    assert box.x0 >= -0.02
    assert box.x1 <= figure.get_figwidth() + 0.02
