"""Ready-made crops whose HU are off, one by one: planted ones, and those that real crops hold."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from contract_runs import failing, run_suite
from index_tables import make_index
from shared_data import SHARED_DATA, needs_shared_data

from lungml.params.data import CheckParams
from lungml.sources.crop_statistics import crop_statistics, middle_px
from lungml.sources.crops import index_crops
from lungml.sources.problems import Problems

CHANGES = {
    "1024 too high": lambda hu: hu + 1024,
    "1024 too low": lambda hu: hu - 1024,
    "inverted": lambda hu: -hu,
    "a display window": lambda hu: (np.clip(hu, -1350, 150) + 1350) * 255 // 1500,
}
REAL_FOUND = {"1024 too high": 1.0, "1024 too low": 0.99, "inverted": 0.99, "a display window": 1.0}
"""Share of real crops that must be named when they are changed like this."""


def crop_hu(number):
    """A nodule of 6 to 12 pixels in lung, at a wall of tissue with a rib in it."""
    y, x = np.indices((48, 48)) - 23.5
    hu = np.where(x > 16, 40, -850)
    hu[(x > 20) & (abs(y) < 8)] = 600
    hu[np.hypot(y, x) < 3 + number % 4] = 30
    return hu + np.random.default_rng(number).integers(-40, 41, hu.shape)


def tables_of(images_hu, diameters_px):
    rows = [
        {"nodule_id": f"crop-{number:04}", "series_uid": "1"}
        | asdict(crop_statistics(hu.astype(np.int16), width))
        for number, (hu, width) in enumerate(zip(images_hu, diameters_px, strict=True))
    ]
    return replace(make_index(20), crops=pd.DataFrame(rows))


def named(checks):
    return {row for check in failing(checks) for row in check.rows}


def test_crops_of_nodules_in_lung_pass(tmp_path):
    tables = tables_of([crop_hu(number) for number in range(40)], [8] * 40)

    assert failing(run_suite("crops", tables, tmp_path)) == []


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_crop_is_named_and_does_not_stop_the_run(change, tmp_path):
    images = [crop_hu(number) for number in range(40)]
    images[7] = CHANGES[change](images[7])

    found = run_suite("crops", tables_of(images, [8] * 40), tmp_path)

    assert named(found) == {"crop-0007"}
    assert not any(check.stops for check in found)


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_of_changed_crops_stops_the_run(change, tmp_path):
    images = [CHANGES[change](crop_hu(number)) for number in range(4)]
    images += [crop_hu(number) for number in range(36)]
    tables = tables_of(images, [8] * 40)

    (stop,) = (check for check in run_suite("crops", tables, tmp_path / "one") if check.stops)

    assert (stop.column, stop.unexpected_count) == ("odd", 4)
    assert stop.rows == [f"crop-{number:04}" for number in range(4)]
    allowed = CheckParams(max_odd_crops=0.1)
    assert not any(check.stops for check in run_suite("crops", tables, tmp_path / "two", allowed))


@needs_shared_data
def test_three_of_the_real_crops_are_named(tmp_path):
    """A sharp, noisy kernel (265), a nodule with hardly any lung (1429), and HU 1024 too high (2195)."""
    rows = index_crops(SHARED_DATA / "lidc_crops", "nodules.csv", ["nodules_hu.npz"], Problems())
    tables = replace(make_index(20), crops=pd.DataFrame(rows.tables["crops"]))

    found = run_suite("crops", tables, tmp_path)

    assert len(tables.crops) == 1902
    assert {name.split()[-1] for name in named(found)} == {"265", "1429", "2195"}
    assert not any(check.stops for check in found)


@needs_shared_data
@pytest.mark.parametrize("change", CHANGES)
def test_nearly_every_real_crop_is_named_when_it_is_changed(change, tmp_path):
    folder = SHARED_DATA / "lidc_crops"
    table = pd.read_csv(folder / "nodules.csv")[::5]
    with np.load(folder / "nodules_hu.npz") as archive:
        images = archive["hu"][::5].astype(int)
        assert list(archive["nodule_id"][::5].astype(str)) == list(table["nodule_id"].astype(str))
    widths = [
        middle_px(mm, spacing)
        for mm, spacing in zip(table["diameter_mm"], table["pixel_spacing_mm"], strict=True)
    ]
    changed = CHANGES[change](images)

    found = run_suite("crops", tables_of(np.where(changed < -1500, -1000, changed), widths), tmp_path)

    (odd,) = (check for check in found if check.column == "odd")
    assert odd.unexpected_count >= REAL_FOUND[change] * len(table)
