import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lungml.evaluation.tally import check_cases
from lungml.figures.curves import calibration_figure, confusion_figure, precision_recall_figure, roc_figure
from lungml.terms import Target

LABELS = np.array([0, 0, 0, 1, 1, 0])
MODEL = check_cases(LABELS, [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
DIAMETER = check_cases(LABELS, [[0.6, 0.4]] * 6)
NAMES = Target.BINARY.class_names


@pytest.mark.parametrize("draw", [precision_recall_figure, roc_figure])
def test_each_panel_shows_model_diameter_and_chance(draw):
    figure = draw(MODEL, DIAMETER, NAMES, "nodule-binary")

    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["model", "diameter alone", "chance"]
    assert figure.axes[-1].get_title(loc="left").startswith("malignant, 2 of 6")
    assert "area: model" in figure.axes[-1].get_xlabel()


def test_chance_of_precision_is_the_share_of_the_class():
    figure = precision_recall_figure(MODEL, DIAMETER, NAMES, "nodule-binary")

    heights = [panel.get_lines()[0].get_ydata() for panel in figure.axes]
    assert heights == [pytest.approx([4 / 6, 4 / 6]), pytest.approx([2 / 6, 2 / 6])]


def test_five_classes_have_five_panels_and_a_class_without_cases_is_not_defined():
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    cases = check_cases(labels, np.random.default_rng(0).dirichlet(np.ones(5), size=8))

    figure = roc_figure(cases, cases, Target.FIVE.class_names, "nodule-five")

    assert [panel.get_title(loc="left").split(",")[0] for panel in figure.axes[:5]] == list(
        Target.FIVE.class_names
    )
    assert "model not defined" in figure.axes[4].get_xlabel()


def test_the_confusion_table_counts_true_rows_and_predicted_columns():
    figure = confusion_figure(MODEL, NAMES, "nodule-binary")

    assert [text.get_text() for text in figure.axes[0].texts] == ["3\n75%", "1\n25%", "0\n0%", "2\n100%"]


def test_bars_of_the_calibration_are_clopper_pearson_intervals():
    # 10 of 10 right: the interval reaches down to 0.025 ** (1 / 10) = 0.6915.
    certain = check_cases(np.zeros(10, dtype=int), [[0.9, 0.1]] * 10)

    figure = calibration_figure({"as trained": certain}, 1, "nodule-binary")

    (bars,) = figure.axes[0].collections[0].get_segments()
    assert bars[:, 1] == pytest.approx([0.6915, 1.0], abs=1e-4)


def test_nothing_is_drawn_outside_the_figure():
    for draw in (precision_recall_figure, roc_figure):
        figure = draw(MODEL, DIAMETER, NAMES, "nodule-binary")
        FigureCanvasAgg(figure).draw()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.02
        assert box.x1 <= figure.get_figwidth() + 0.02
