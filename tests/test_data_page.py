"""What docs/data.md shows is what its commands print."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PAGE = (Path(__file__).parents[1] / "docs/data.md").read_text(encoding="utf-8")
PARAMS = Path(__file__).parents[1] / "params.yaml"
SHOWN = re.findall(r"```bash\n([^`]*)```\n\n```\n(.*?)```", PAGE, flags=re.DOTALL)
"""Commands with the output that follows them."""


def lungml(words, folder):
    command = [sys.executable, "-m", "lungml", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folders the page speaks of."""
    place = tmp_path_factory.mktemp("page")
    shutil.copy(PARAMS, place / "params.yaml")
    lungml(["phantom", "six", "--patients", "6"], place)
    lungml(["phantom", "seedfiles", "--patients", "20", "--layout", "seed"], place)
    for name in ("ct", "broken"):
        shutil.copytree(place / "six/ct", place / name)
    lungml(["index", "--raw", "six/ct", "--out", "data/index"], place)
    points(place)
    (breaking,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    subprocess.run([sys.executable, "-c", breaking], cwd=place, check=True)
    return place


def points(place):
    """A table of the nodules of four patients beside their series."""
    truth = pd.read_csv(place / "six/truth/nodules.csv", dtype=str)
    patients = sorted(truth["patient_id"].unique())[:4]
    for patient in patients:
        shutil.copytree(place / "six/ct" / patient, place / "points" / patient)
    rows = truth[truth["patient_id"].isin(patients)].rename(columns={"series_uid": "seriesuid"})
    rows["score"] = rows["scores"].str.split().str[0]
    columns = ["seriesuid", "patient_id", "x_mm", "y_mm", "z_mm", "diameter_mm", "score"]
    rows[columns].to_csv(place / "points/nodules.csv", index=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("commands", "shown"), SHOWN, ids=[commands.split("\n")[0] for commands, _ in SHOWN])
def test_a_command_prints_what_the_page_shows(folder, commands, shown):
    printed = "".join(lungml(shlex.split(line)[1:], folder) for line in commands.splitlines()).splitlines()

    assert shown.strip()
    assert [line for line in shown.splitlines() if line != "..." and line not in printed] == []


def test_the_page_shows_the_output_of_every_source():
    assert len(SHOWN) >= 9
