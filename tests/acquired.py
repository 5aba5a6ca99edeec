"""The stage acquire, run on a folder."""

from lungml.params.data import AcquireParams
from lungml.params.scope import ScopeParams
from lungml.stages import acquire

DICOM = b"\0" * 128 + b"DICM rest"
EVERYTHING = ScopeParams()


def local(folder):
    return AcquireParams(source="local", folder=folder)


def run(params, *, out, scope=EVERYTHING):
    acquire.run(params, scope, out=out)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
