import numpy as np
import pandas as pd

from lungml.figures.children import draw_children


def plan(children):
    """A row for each image of parents with so many children: {(parent, label): children}."""
    rows = [
        (parent, label, copy, 10.0 * copy, 1.1, copy == 2, False)
        for (parent, label), count in children.items()
        for copy in range(count + 1)
    ]
    columns = ["parent_id", "label", "copy", "angle_degrees", "zoom", "flip_x", "flip_y"]
    return pd.DataFrame(rows, columns=columns)


def labels(figure):
    return [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]


def test_each_line_begins_with_a_parent_and_says_what_was_done_to_its_children():
    table = plan({("a", 0): 0, ("b", 1): 2})

    figure = draw_children(table, np.zeros((len(table), 4, 4), np.float32))

    assert labels(figure) == ["a", "b", "+10°, zoom 1.10", "+20°, zoom 1.10, flip x"]


def test_of_many_parents_those_with_most_children_are_shown_of_each_class():
    table = plan({(f"{label}-{number}", label): number for label in (0, 1) for number in range(9)})

    figure = draw_children(table, np.zeros((len(table), 4, 4), np.float32))

    parents = [label for label in labels(figure) if "°" not in label]
    assert parents == ["0-8", "1-8", "0-7", "1-7", "0-6", "1-6"]
    assert len(figure.axes) == 6 * 6
