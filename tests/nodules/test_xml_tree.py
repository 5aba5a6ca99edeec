"""XML files that are hostile, too deep or broken, and one that is not."""

import pytest

from lungml.nodules.xml_tree import MAX_DEPTH, XmlError, children, first_text, read_xml


def tree(folder, text):
    (folder / "a.xml").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_xml(folder / "a.xml")


def nested(depth):
    return "<a>" * depth + "</a>" * depth


@pytest.mark.parametrize(
    "name", ["<x:a xmlns:x='urn:b'><x:b/></x:a>", "<a xmlns='urn:c'><b/></a>", "<a><b/></a>"]
)
def test_names_are_without_their_namespace(tmp_path, name):
    assert [element.tag for element in tree(tmp_path, name).iter()] == ["a", "b"]


def test_texts_are_of_the_first_child_without_space_around_them(tmp_path):
    root = tree(tmp_path, "<a><b> 4\n</b><b>5</b><c/></a>")

    assert first_text(root, "b") == "4"
    assert first_text(root, "c") == ""
    assert first_text(root, "d") is None
    assert [child.text for child in children(root, "b")] == [" 4\n", "5"]


def test_levels_are_counted_to_the_deepest(tmp_path):
    assert tree(tmp_path, nested(MAX_DEPTH)) is not None
    with pytest.raises(XmlError, match="more than 32 levels"):
        tree(tmp_path, nested(MAX_DEPTH + 1))


def test_many_elements_beside_each_other_are_not_deep(tmp_path):
    assert len(tree(tmp_path, f"<a>{'<b/>' * 1000}</a>")) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a>&c;</a>",
    ],
)
def test_a_doctype_is_refused_so_there_are_no_entities(tmp_path, text):
    with pytest.raises(XmlError, match="a DOCTYPE"):
        tree(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    ["", "<a>", "<a></b>", "a", "<a/><b/>", b"\xff\xfe\x00", "<?xml version='1.0' encoding='no-such'?><a/>"],
)
def test_what_is_malformed_is_called_so(tmp_path, text):
    with pytest.raises(XmlError, match="malformed XML"):
        tree(tmp_path, text)


def test_a_file_of_more_than_64_mebibytes_is_refused_unread(tmp_path):
    with (tmp_path / "a.xml").open("wb") as stream:
        stream.truncate(64 * 2**20 + 1)  # takes no space

    with pytest.raises(XmlError, match="67108865 bytes"):
        read_xml(tmp_path / "a.xml")
