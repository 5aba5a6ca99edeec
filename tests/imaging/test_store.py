from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lungml.errors import InputError, MissingInputError
from lungml.files import sha256_file
from lungml.imaging.store import read_store, write_store

FILES = ("images.npy", "masks.npy", "items.parquet", "store.json")


def content(count: int = 4) -> dict:
    rng = np.random.default_rng(1)
    items = pd.DataFrame(
        {
            "nodule_id": [f"n{number}" for number in range(count)],
            "patient_id": "p",
            "series_uid": "1.2.3",
            "z_index": np.arange(count, dtype=np.int32),
            "pixel_spacing_mm": 0.5,
        }
    )
    return {
        "images_hu": rng.integers(-1000, 400, (count, 1, 8, 8)).astype(np.int16),
        "masks": rng.random((count, 8, 8)) > 0.5,
        "items": items,
        "info": {"view": "nodule", "data_sha256": "0" * 64},
    }


def test_what_is_written_is_read_back_without_loading_it(tmp_path):
    written = content()
    write_store(tmp_path / "store", **written)

    store = read_store(tmp_path / "store")

    assert isinstance(store.images_hu, np.memmap)
    assert (store.images_hu == written["images_hu"]).all()
    assert (store.masks == written["masks"]).all()
    assert store.items["nodule_id"].tolist() == ["n0", "n1", "n2", "n3"]
    assert store.info["shape"] == [4, 1, 8, 8]
    assert store.info["view"] == "nodule"


def test_arrays_of_an_open_store_cannot_be_changed(tmp_path):
    write_store(tmp_path / "store", **content())
    store = read_store(tmp_path / "store")

    with pytest.raises(ValueError, match="read-only"):
        store.images_hu[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        store.masks[0] = True


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in ("one", "two"):
        write_store(tmp_path / name, **content())

    for name in FILES:
        assert sha256_file(tmp_path / "one" / name) == sha256_file(tmp_path / "two" / name)


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "items.parquet"])
def test_one_changed_byte_is_refused_with_the_name_of_the_file(tmp_path, name):
    write_store(tmp_path / "store", **content())
    path = tmp_path / "store" / name
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)

    with pytest.raises(InputError, match=rf"{name} has changed .* expected"):
        read_store(tmp_path / "store")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path, name):
    write_store(tmp_path / "store", **content())
    (tmp_path / "store" / name).unlink()

    with pytest.raises(MissingInputError, match=name):
        read_store(tmp_path / "store")


def test_rows_are_found_by_nodule_in_the_order_asked_for(tmp_path):
    write_store(tmp_path / "store", **content())
    store = read_store(tmp_path / "store")

    assert store.rows_of(["n2", "n0"]).tolist() == [2, 0]
    with pytest.raises(InputError, match="first is n9"):
        store.rows_of(["n1", "n9"])


def test_a_table_of_another_order_or_length_is_refused(tmp_path):
    written = content()

    with pytest.raises(ValueError, match="not sorted"):
        write_store(tmp_path / "store", **(written | {"items": written["items"][::-1]}))
    with pytest.raises(ValueError, match="do not fit"):
        write_store(tmp_path / "store", **(written | {"items": written["items"][:2]}))
    assert not (tmp_path / "store").exists()
