"""The loop of a pretraining: a generator that yields one record an epoch.

Everything random is keyed by (seed, epoch, step) or (seed, epoch, row, copy) and the thread count is a
parameter, so the same arguments give the same bytes on CPUs of the same kind, resumed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from lungml.errors import InterruptedRunError, ModelError
from lungml.models.placing import placed
from lungml.models.precision import Engine, choose_engine, stepping
from lungml.params.pretrain import PretrainParams
from lungml.pretraining.pairs import Pairs, Unlabelled, count_steps, epoch_pairs
from lungml.pretraining.state import PretrainRecord, PretrainState
from lungml.pretraining.vicreg import Terms, vicreg_terms
from lungml.training.checkpoint import Checkpoints
from lungml.training.determinism import reproducible, seeded
from lungml.training.optim import set_learning_rate
from lungml.training.schedule import DECAYS


def pretrain(
    backbone: nn.Module,
    data: Unlabelled,
    params: PretrainParams,
    *,
    checkpoints: Checkpoints | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
    device: str = "cpu",
) -> Iterator[PretrainRecord]:
    """Train `backbone` in place, epoch by epoch; when exhausted it is in evaluation mode, on the processor.

    With `checkpoints`, epochs of an earlier run are yielded again, not redone. `device` is as torch names it.

    Raises:
        ParamsError: the device has not got the precision.
        ModelError: the loss is NaN or infinite; the text names the nodules of the batch.
        InterruptedRunError: `stop_asked` said yes; the step was finished and saved.
    """
    engine = choose_engine(device, params.precision, "pretrain.precision")
    with placed(backbone, engine):
        state = PretrainState(backbone, params)
        if checkpoints and (saved := checkpoints.load()):
            state.load_state_dict(saved)
        yield from state.records
        while state.epoch < params.epochs:
            with reproducible(params.threads, engine.device):
                for _ in _steps(state, data, params, engine):
                    if stop_asked():
                        _stop(state, checkpoints)
                record = state.close_epoch()
            if checkpoints:
                checkpoints.save(state.state_dict(), epoch=state.epoch, step=0)
            yield record
    backbone.eval()


def _steps(state: PretrainState, data: Unlabelled, params: PretrainParams, engine: Engine) -> Iterator[None]:
    """Make the steps that are left of an epoch."""
    steps, course = count_steps(data, params), DECAYS[params.decay]
    state.open_epoch()
    state.network.train()
    for pairs in epoch_pairs(data, params, epoch=state.epoch, first_step=state.step, engine=engine):
        done = (state.epoch + state.step / steps) / params.epochs
        set_learning_rate(state.optimizer, params.learning_rate * course(done))
        with seeded(params.seed, state.epoch, state.step, device=engine.device):
            terms = _compare(state.network, pairs, engine)
        loss = terms.loss(params.loss)
        _check(loss, pairs, state)
        loss.backward()  # type: ignore[no-untyped-call]
        state.finish_step(loss, terms, len(pairs.nodule_ids))
        yield


def _compare(network: nn.Module, pairs: Pairs, engine: Engine) -> Terms:
    with stepping(engine):
        vectors: Tensor = network(pairs.images)
    first, second = vectors.float().chunk(2)
    return vicreg_terms(first, second)


def _stop(state: PretrainState, checkpoints: Checkpoints | None) -> None:
    if checkpoints:
        checkpoints.save(state.state_dict(), epoch=state.epoch, step=state.step)
    raise InterruptedRunError(
        f"pretraining was stopped on request in epoch {state.epoch + 1}, after step {state.step}; "
        "the same command goes on from there"
    )


def _check(loss: Tensor, pairs: Pairs, state: PretrainState) -> None:
    if not bool(loss.detach().isfinite()):
        raise ModelError(
            f"the pretraining loss is {float(loss.detach())} in epoch {state.epoch + 1}, step "
            f"{state.step + 1}. The batch held the nodules {', '.join(pairs.nodule_ids)}. "
            "Look at these, or lower pretrain.learning_rate in params.yaml"
        )
