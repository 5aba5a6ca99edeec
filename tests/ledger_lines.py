"""Lines of the ledger of the test part, as they come back from it."""

from lungml.sealing.ledger import Comparison, Opening

_WHERE = {
    "task": "nodule-binary",
    "when": "2026-01-01T00:00:00+00:00",
    "who": "0123456789ab",
    "git_commit": "f" * 40,
    "git_dirty": "false",
}


def opening(bundle="b", reason="", **changes):
    values = _WHERE | {
        "split_sha256": "a" * 64,
        "bundle_sha256": bundle * 64,
        "reason": reason,
        "metrics": {"weighted_auprc": 0.8123},
        "preregistered": None,
    }
    return Opening(**values | changes)


def comparison(purpose="comparison", reason="", **changes):
    values = _WHERE | {"compared": ["b" * 64, "c" * 64], "purpose": purpose, "reason": reason}
    return Comparison(**values | changes)
