import pandas as pd

from lungml.figures.screening import screening_curve, screening_heatmap

CELLS = pd.DataFrame(
    {
        "backbone": ["a", "a", "b", "b"],
        "depth": [1.0, 0.2, 0.2, 1.0],
        "weighted_auprc": [0.81, 0.62, 0.74, 0.79],
        "low": [0.7, 0.5, 0.6, 0.7],
        "high": [0.9, 0.7, 0.8, 0.9],
        "tied": [True, False, False, True],
    }
)


def test_the_heat_map_shows_each_value_in_its_place_and_stars_the_ties():
    axes = screening_heatmap(CELLS, "title").axes[0]

    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    shown = {
        (rows[int(t.get_position()[1])], columns[int(t.get_position()[0])]): t.get_text() for t in axes.texts
    }
    assert shown == {
        ("a", "20%"): "0.620",
        ("a", "100%"): "0.810*",
        ("b", "20%"): "0.740",
        ("b", "100%"): "0.790*",
    }


def test_the_curve_names_what_it_is_compared_with_after_the_backbones():
    axes = screening_curve(CELLS, {"chance": 0.5, "diameter only": 0.7}, "title").axes[0]

    names = [text.get_text() for text in axes.get_legend().get_texts()]

    assert names == ["a", "b", "chance 0.500", "diameter only 0.700"]
