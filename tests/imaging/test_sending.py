"""What the processor can show; `tests/training/test_cuda.py` shows the same of a GPU."""

import numpy as np
import torch

from lungml.imaging.sending import rows_on, sent_to


def test_rows_are_gathered_in_the_order_asked_for():
    values = np.arange(12, dtype=np.int16).reshape(4, 3)

    assert rows_on("cpu", values, np.array([3, 0, 3])).tolist() == [[9, 10, 11], [0, 1, 2], [9, 10, 11]]


def test_on_the_processor_nothing_is_copied():
    values = torch.zeros(3)

    assert sent_to("cpu", values) is values
    assert sent_to(values.device, values) is values
