"""An epoch's record, and what of it is written into outputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_OF_THE_MACHINE = {"images_per_s", "seconds"}


@dataclass(frozen=True)
class Record:
    """Base of a record; `images_per_s` and `seconds` depend on the machine and the hour."""

    def lasting(self) -> dict[str, Any]:
        """All that is the same byte for byte on another day."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_THE_MACHINE}
