import math

from searches import SPACE, params, run

from lungml.tuning.candidate import middle_of
from lungml.tuning.sampling import distribution_of


def flat(score=0.5, epochs=6):
    def objective(_):
        yield iter([score] * epochs)

    return objective


def test_the_first_candidate_is_the_middle_of_the_space(tmp_path):
    (trial,) = run(tmp_path, params(trials=1))

    assert trial.candidate == middle_of(params())


def test_the_rate_is_drawn_only_for_schedules_that_take_it(tmp_path):
    schedules = params(trials=12, space=SPACE | {"schedule": ["scratch", "moderate", "aggressive"]})

    def rates_vary(candidate):
        yield iter([candidate.values.get("learning_rate", 0.005)] * 6)

    drawn = [trial.candidate.values for trial in run(tmp_path, schedules, rates_vary)]

    assert {values["schedule"] for values in drawn} > {"scratch"}
    assert all(("learning_rate" in values) is (values["schedule"] == "scratch") for values in drawn)


def test_the_rate_is_never_drawn_where_the_recipe_has_a_schedule_with_rates(tmp_path):
    aggressive = params(trials=3, recipe={"schedule": "aggressive"})

    drawn = [trial.candidate.values for trial in run(tmp_path, aggressive, flat())]

    assert all("learning_rate" not in values for values in drawn)


def test_choices_that_a_range_allows_are_spread_over_its_scale(tmp_path):
    wide = params(trials=40, space=SPACE | {"batch_size": {"low": 4, "high": 64, "scale": "log"}})
    drawn = [trial.candidate.values for trial in run(tmp_path, wide, flat())]

    rates = [math.log10(values["learning_rate"]) for values in drawn]
    sizes = [values["batch_size"] for values in drawn]
    assert min(rates) < -3.7
    assert max(rates) > -2.3
    assert all(isinstance(size, int) and 4 <= size <= 64 for size in sizes)
    assert min(sizes) < 8
    assert max(sizes) > 32


def test_a_space_is_what_optuna_is_asked_for():
    rich = params(
        space=SPACE | {"augment.zoom": {"low": 0, "high": 1e-1}, "accumulate": {"low": 1, "high": 4}}
    )

    rate, zoom, parts = (
        distribution_of(rich, name) for name in ("learning_rate", "augment.zoom", "accumulate")
    )
    assert (rate.low, rate.high, rate.log) == (1e-4, 1e-2, True)
    assert (zoom.low, zoom.high, zoom.log) == (0.0, 0.1, False)
    assert (parts.low, parts.high, type(parts).__name__) == (1, 4, "IntDistribution")
    assert distribution_of(rich, "head").choices == ("linear", "mlp")
