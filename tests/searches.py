"""A search whose best candidate is known, and processes that work on it."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

from lungml.params.model import TuneParams
from lungml.tuning.search import search
from lungml.tuning.storage import Place

SPACE = {
    "batch_size": [16, 32],
    "optimizer": ["adamw", "sgd"],
    "learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"},
    "head": ["linear", "mlp"],
}
PARAMS = TuneParams(trials=10, epochs=6, seed=1, space=SPACE)


def quality(candidate):
    """Highest at a rate of 3e-3 with the mlp head."""
    away = abs(math.log10(candidate.values["learning_rate"] / 3e-3))
    return 1 - away / 3 - 0.1 * (candidate.values["head"] == "linear")


def objective(candidate):
    """One fold of six epochs, each nearer to the quality."""
    yield (quality(candidate) * (1 - 0.5 ** (epoch + 1)) for epoch in range(6))


def params(**changes):
    return TuneParams.model_validate(PARAMS.model_dump() | changes)


def run(folder, tune=PARAMS, objective=objective, **options):
    return list(search(tune, objective, place=Place(folder / "study.log"), name="study", **options))


class Worker:
    """A process of its own that works on a search, and writes a line to `log` when it begins a training."""

    def __init__(self, log, *, tune=PARAMS, epoch_s=0.0, joins=False, **place):
        task = {
            "tune": tune.model_dump(mode="json"),
            "place": {
                name: str(value) if isinstance(value, Path) else value for name, value in place.items()
            },
            "log": str(log),
            "epoch_s": epoch_s,
            "joins": joins,
        }
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(task)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def trials(self):
        """What the search said, once it is done."""
        said, errors = self.process.communicate(timeout=400)
        assert self.process.returncode == 0, errors
        return json.loads(said)

    def kill(self):
        self.process.kill()
        self.process.communicate()


def begun(log):
    """The processes that began a training, one for each."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def wait_until(condition, seconds=200):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def as_rows(trials):
    """Trials as a worker tells them."""
    return [
        [trial.number, dict(trial.candidate.values), trial.pruned, list(trial.scores)] for trial in trials
    ]


def _work(task):
    place = Place(**task["place"] | {"journal": Path(task["place"].get("journal", "unused"))})

    def slow(candidate):
        with Path(task["log"]).open("a") as log:
            log.write(f"{os.getpid()}\n")
        for scores in objective(candidate):
            yield (time.sleep(task["epoch_s"]) or score for score in scores)

    tune = TuneParams.model_validate(task["tune"])
    trials = search(tune, slow, place=place, name="study", joins=task["joins"])
    json.dump(as_rows(sorted(trials, key=lambda trial: trial.number)), sys.stdout)


if __name__ == "__main__":
    _work(json.loads(sys.argv[1]))
