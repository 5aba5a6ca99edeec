from lungml.commands.graph import graph_page
from lungml.graph import StageNode


def test_copies_of_a_stage_are_one_box_with_their_number():
    nodes = [
        StageNode("split", (), "cpu", ""),
        StageNode("tune@slice-five", ("split",), "gpu", ""),
        StageNode("tune@slice-binary", ("split",), "gpu", ""),
    ]

    page = list(graph_page(nodes))

    assert '    tune["tune x 2"]' in page
    assert page.count("    split --> tune") == 1
