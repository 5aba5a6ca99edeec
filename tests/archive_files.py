"""Archives as a careless or hostile program would write them."""

import io
import tarfile
import warnings
import zipfile


def write_zip(path, entries):
    """Entries of any name, as a careless or hostile program would write them."""
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, data)


def write_tar(path, entries, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in entries:
            info = tarfile.TarInfo()
            info.name, info.size = name, len(data)
            archive.addfile(info, io.BytesIO(data))


def with_link(path, name, target, kind):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
        info = tarfile.TarInfo(f"{name}/through" if kind == tarfile.SYMTYPE else "after")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))


WRITERS = {"a.zip": write_zip, "a.tar": write_tar}


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def zeros(stream, mebibytes):
    for _ in range(mebibytes):
        stream.write(bytes(2**20))


def zip_bomb(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.dcm", "w") as stream,
    ):
        zeros(stream, 100)
