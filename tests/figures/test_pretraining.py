import pandas as pd

from lungml.figures.pretraining import draw_pretraining_curve
from lungml.figures.style import save

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "loss": [30.0, 20.0, 15.0],
        "invariance": [0.5, 0.4, 0.3],
        "variance": [0.6, 0.3, 0.2],
        "covariance": [0.1, 0.2, 0.3],
        "deviation": [0.4, 0.7, 0.8],
    }
)


def test_the_curve_shows_loss_terms_and_deviation():
    loss, terms, deviation = draw_pretraining_curve(HISTORY, "toy").axes

    assert loss.lines[0].get_ydata().tolist() == [30, 20, 15]
    assert [line.get_label() for line in terms.lines] == ["invariance", "variance", "covariance"]
    assert deviation.lines[0].get_ydata().tolist() == [0.4, 0.7, 0.8]


def test_the_curve_is_the_same_byte_for_byte(tmp_path):
    for name in ("one.png", "two.png"):
        save(draw_pretraining_curve(HISTORY, "toy"), tmp_path / name)

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
