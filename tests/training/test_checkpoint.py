import os
import signal

import pytest
import torch

from lungml.errors import ModelError
from lungml.training import checkpoint
from lungml.training.checkpoint import Checkpoints, stop_requests, work_folder


def state(number):
    return {"weights": torch.full((3,), float(number)), "epoch": number, "names": ["a", {"b": None}]}


def saved(folder, numbers, fingerprint="f"):
    checkpoints = Checkpoints(folder, fingerprint)
    for number in numbers:
        checkpoints.save(state(number), epoch=number, step=0)
    return checkpoints


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_the_newest_state_comes_back(tmp_path):
    loaded = saved(tmp_path, [1, 2, 3]).load()

    assert loaded["epoch"] == 3
    assert loaded["names"] == ["a", {"b": None}]
    assert torch.equal(loaded["weights"], torch.full((3,), 3.0))


def test_a_later_step_of_the_same_epoch_is_newer(tmp_path):
    checkpoints = Checkpoints(tmp_path, "f")
    for number, step in ((1, 0), (2, 9), (3, 10)):
        checkpoints.save(state(number), epoch=4, step=step)

    assert checkpoints.load()["epoch"] == 3


def test_the_last_two_are_kept(tmp_path):
    saved(tmp_path, range(12))

    assert sorted(file.name[:5] for file in tmp_path.iterdir()) == ["00010", "00011"]


def test_that_of_the_best_epoch_is_kept_too_and_read_if_the_last_two_are_damaged(tmp_path):
    checkpoints = Checkpoints(tmp_path, "f")
    for epoch in range(1, 8):
        checkpoints.save(state(epoch), epoch=epoch, step=0, best_epoch=min(epoch, 3))
    kept = sorted(tmp_path.iterdir())
    for file in kept[1:]:
        damage(file)

    assert [file.name[:5] for file in kept] == ["00003", "00006", "00007"]
    assert checkpoints.load()["epoch"] == 3


def test_what_a_killed_save_left_is_removed(tmp_path):
    checkpoints = saved(tmp_path, [1])
    (tmp_path / ".00002-0000000.ab.pt.tmp-123").write_bytes(b"half of the n")

    assert checkpoints.load()["epoch"] == 1
    assert [file.name[:5] for file in tmp_path.iterdir()] == ["00001"]


def test_a_checkpoint_of_an_older_format_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_FORMAT", 1)
    saved(tmp_path, [1])
    monkeypatch.undo()

    assert Checkpoints(tmp_path, "f").load() is None


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    damage(max(tmp_path.iterdir()))

    assert checkpoints.load()["epoch"] == 1


def test_if_all_are_damaged_training_does_not_silently_start_anew(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    for file in tmp_path.iterdir():
        damage(file)

    with pytest.raises(ModelError, match="damaged"):
        checkpoints.load()


def test_a_checkpoint_of_another_training_is_not_used(tmp_path, capsys):
    saved(tmp_path / "work", [1, 2])

    assert Checkpoints(tmp_path / "work", "other").load() is None
    assert not (tmp_path / "work").exists()
    assert "other parameters" in capsys.readouterr().err


def test_without_a_checkpoint_there_is_none(tmp_path):
    assert Checkpoints(tmp_path / "absent", "f").load() is None


def test_a_write_that_fails_leaves_the_earlier_checkpoints(tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, [1, 2])

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Exception, match="No space left"):
        checkpoints.save(state(3), epoch=3, step=0)

    assert checkpoints.load()["epoch"] == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_the_work_folder_lies_beside_the_output(tmp_path):
    assert work_folder(tmp_path / "models" / "slice-five") == tmp_path / "models" / ".slice-five.work"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_is_noted_and_the_second_acts_as_before(number):
    seen = []
    before = signal.signal(number, lambda *_: seen.append("before"))
    try:
        with stop_requests() as stop_asked:
            assert not stop_asked()
            os.kill(os.getpid(), number)
            assert stop_asked()
            assert seen == []
            os.kill(os.getpid(), number)
            assert seen == ["before"]
        os.kill(os.getpid(), number)
        assert seen == ["before"] * 2
    finally:
        signal.signal(number, before)
