from dataclasses import dataclass

from lungml.training.record import Record


@dataclass(frozen=True)
class Epoch(Record):
    epoch: int
    loss: float
    images_per_s: float
    seconds: float


def test_what_a_machine_or_an_hour_changes_does_not_last():
    quick, slow = (Epoch(3, 0.5, images_per_s=speed, seconds=99 / speed) for speed in (900.0, 9.0))

    assert quick.lasting() == slow.lasting() == {"epoch": 3, "loss": 0.5}
