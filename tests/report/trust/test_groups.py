"""What is said of subgroups."""

from trust_examples import example_trust

from lungml.report.trust.groups import groups_block


def test_a_worst_group_is_called_worse_only_if_it_is_shown_to_be():
    found = example_trust()["subgroups"]
    worst = found["worst"]

    shown, not_shown = (
        groups_block({"subgroups": found | {"worst": worst | {"shown": shown}}}).verdict
        for shown in (True, False)
    )

    assert shown.startswith("Worse in one group: ")
    assert not_shown.startswith("No group is shown to be worse")
