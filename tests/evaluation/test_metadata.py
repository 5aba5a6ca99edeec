import numpy as np
import pandas as pd

from lungml.evaluation.metadata import NAMES, metadata_features

TABLE = pd.DataFrame(
    {
        "nodule_id": ["pat10", "pat9", "pat100"],
        "manufacturer": ["A", "B", "A"],
        "model": ["", "", ""],
        "kernel": ["soft", "soft", "sharp"],
        "slice_thickness_mm": [1.25, np.nan, 2.5],
    }
)


def test_each_word_of_the_header_is_a_column():
    found = metadata_features(TABLE)

    values = sum(TABLE[name].nunique() for name in NAMES)
    assert found.shape == (3, values + 3)
    assert found[:, 0].tolist() == [1, 0, 1]
    assert found[:, values:-1].tolist()[0] == [1.25, 1]
    assert np.isnan(found[1, values])
    assert found[1, values + 1] == 0


def test_the_row_is_the_place_in_the_numbered_list():
    assert (3 * metadata_features(TABLE)[:, -1]).round(9).tolist() == [1, 0, 2]
