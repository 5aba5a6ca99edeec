"""The montage is a picture with a column per class, the same bytes each time."""

import numpy as np
from PIL import Image

from lungml.figures.phantom import montage_figure
from lungml.figures.style import save
from lungml.phantom.montage import ClassColumn, Crop


def columns():
    shade = np.linspace(-1000, 400, 64 * 64, dtype=np.int16).reshape(64, 64)
    crops = (Crop(shade, "8 mm solid\nsmooth"),)
    return [ClassColumn(number, shade, (0.5, 0.5), "kernel B45f, 3 mm", crops) for number in (1, 3, 5)]


def test_titles_and_captions_are_those_of_the_classes():
    figure = montage_figure(columns())

    assert [axes.get_title("center").replace("\n", " ") for axes in figure.axes[:3]] == [
        "1 highly unlikely",
        "3 indeterminate",
        "5 highly suspicious",
    ]
    assert figure.axes[6].get_xlabel() == "8 mm solid\nsmooth"


def test_a_montage_is_the_same_bytes_each_time(tmp_path):
    for name in ("one.png", "two.png"):
        save(montage_figure(columns()), tmp_path / name)

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size[0] > 400
