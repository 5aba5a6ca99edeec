import numpy as np
import pandas as pd

from lungml.figures.embedding import embedding_figure
from lungml.figures.style import save


def points(nodules=40):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "tsne_x": rng.normal(size=nodules),
            "tsne_y": rng.normal(size=nodules),
            "unusual": np.linspace(9, 0, nodules),
            "rank": np.arange(1, nodules + 1),
            "detector": np.where(np.arange(nodules) % 3, "knn", "image"),
            "score": np.where(np.arange(nodules) % 4, 3.0, np.nan),
            "part": np.where(np.arange(nodules) % 2, "train", "test"),
            "manufacturer": [f"maker {i % 8}" if i % 3 else "" for i in range(nodules)],
        }
    )


def test_only_the_five_most_unusual_carry_their_rank():
    axes = embedding_figure(points(), "title").axes[1]

    assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4", "5"]


def test_groups_beyond_the_palette_are_shown_together_with_their_number():
    axes = embedding_figure(points(), "title").axes[5]

    names = [text.get_text() for text in axes.get_legend().get_texts()]

    assert names[0] == "not stated (14)"
    assert len(names) == 7
    assert names[-1].startswith("others (")


def test_ranks_and_detectors_are_told_of_the_first_30_only():
    figure = embedding_figure(points(), "title")

    ranks, detectors = (
        [text.get_text() for text in figure.axes[place].get_legend().get_texts()] for place in (1, 2)
    )

    assert ranks == ["1 to 10 (10)", "11 to 30 (20)", "others (10)"]
    assert detectors == ["knn (20)", "image (10)", "others (10)"]


def test_nodules_without_any_score_of_readers_are_drawn_too(tmp_path):
    save(embedding_figure(points().assign(score=np.nan), "title"), tmp_path / "picture.png")

    assert (tmp_path / "picture.png").stat().st_size > 10_000
