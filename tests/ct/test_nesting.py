import struct
import time

import pytest

from lungml.ct.nesting import depth_of_items

ITEM, END = (
    {"<": b"\xfe\xff\x00\xe0", ">": b"\xff\xfe\xe0\x00"},
    {"<": b"\xfe\xff\r\xe0", ">": b"\xff\xfe\xe0\r"},
)
UNDEFINED = b"\xff" * 4


def item(content, order, defined):
    if defined:
        return ITEM[order] + struct.pack(f"{order}I", len(content)) + content
    return ITEM[order] + UNDEFINED + content + END[order] + bytes(4)


def nest(depth, order, kinds):
    content = b"value"
    for level in range(depth):
        content = b"head" + item(content, order, kinds[level % len(kinds)]) + b"tail"
    return content


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kinds", [[True], [False], [True, False], [False, False, True]], ids=str)
@pytest.mark.parametrize("depth", [0, 1, 7, 40])
def test_the_depth_is_that_of_items_in_items(depth, kinds, order):
    assert depth_of_items(nest(depth, order, kinds), order) == depth


@pytest.mark.parametrize("defined", [True, False])
def test_items_beside_each_other_are_not_deep(defined):
    assert depth_of_items(item(b"", "<", defined) * 100, "<") == 1
    assert depth_of_items(item(item(b"", "<", defined) * 50, "<", defined) * 3, "<") == 2


def test_ends_without_items_and_a_cut_item_do_no_harm():
    assert depth_of_items((END["<"] + bytes(4)) * 5, "<") == 0
    assert depth_of_items(ITEM["<"] + b"\xff", "<") == 1


def test_a_megabyte_of_nesting_is_measured_at_once():
    data = (ITEM["<"] + UNDEFINED) * 131_072

    started = time.process_time()

    assert depth_of_items(data, "<") == 131_072
    assert time.process_time() - started < 2
