import warnings

import optuna
import pytest

from lungml.tuning.quiet import quiet


def test_optuna_speaks_as_before_afterwards():
    optuna.logging.set_verbosity(optuna.logging.INFO)

    with pytest.raises(ZeroDivisionError), quiet():
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
        raise ZeroDivisionError

    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    with pytest.raises(optuna.exceptions.ExperimentalWarning):
        warnings.warn("new", optuna.exceptions.ExperimentalWarning, stacklevel=1)


def test_only_what_is_known_to_be_harmless_is_kept_quiet():
    with quiet(), pytest.raises(UserWarning, match="anything else"):
        warnings.warn("anything else", UserWarning, stacklevel=1)
