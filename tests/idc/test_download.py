"""Downloads through the real s5cmd from a service on this machine: resumed, verified, never half."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from s3_server import Bucket, s3_server

from lungml.errors import OutputError, ServiceError
from lungml.idc.catalogue import Series
from lungml.idc.download import download, is_whole, place_of


def objects(series=2, files=3, size=2000):
    rng = np.random.default_rng(0)
    return {f"u{s}/{n}.dcm": rng.bytes(size + n) for s in range(series) for n in range(files)}


def series_of(held, number):
    sizes = [len(data) for key, data in held.items() if key.startswith(f"u{number}/")]
    return Series(f"P{number}", f"1.2.{number}", len(sizes), sum(sizes), f"s3://idc/u{number}/")


@pytest.fixture
def bucket():
    with s3_server(Bucket(objects())) as served:
        yield served


@pytest.fixture
def both(bucket):
    return [series_of(bucket.objects, number) for number in range(2)]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_every_file_arrives_in_the_folder_of_its_patient_and_series(tmp_path, bucket, both):
    loaded = download(both, tmp_path / "idc", bucket.url)

    expected = {f"P{key[1]}/1.2.{key[1]}/{key[3:]}": data for key, data in bucket.objects.items()}
    assert loaded == 2
    assert contents(tmp_path / "idc") == expected
    assert [path.name for path in (tmp_path / ".idc.part").iterdir()] == []


def test_what_is_whole_is_not_asked_for_again(tmp_path, bucket, both):
    download(both, tmp_path / "idc", bucket.url)
    bucket.sent.clear()

    assert download(both, tmp_path / "idc", "http://127.0.0.1:9") == 0
    assert bucket.sent == []


@pytest.mark.parametrize("harm", ["truncated", "missing", "extra"])
def test_a_series_that_is_not_whole_any_more_is_loaded_again(tmp_path, bucket, both, harm):
    download(both, tmp_path / "idc", bucket.url)
    file = place_of(both[1], tmp_path / "idc") / "1.dcm"
    {
        "truncated": lambda: file.write_bytes(b"short"),
        "missing": file.unlink,
        "extra": lambda: file.with_name("other").write_bytes(b"x"),
    }[harm]()

    assert not is_whole(both[1], tmp_path / "idc")
    assert download(both, tmp_path / "idc", bucket.url) == 1
    assert contents(tmp_path / "idc")["P1/1.2.1/1.dcm"] == bucket.objects["u1/1.dcm"]
    assert is_whole(both[1], tmp_path / "idc")


def test_of_a_part_only_what_is_missing_or_damaged_is_loaded(tmp_path, bucket, both):
    part = tmp_path / ".idc.part" / "1.2.0"
    part.mkdir(parents=True)
    (part / "0.dcm").write_bytes(bucket.objects["u0/0.dcm"])
    (part / "1.dcm").write_bytes(bucket.objects["u0/1.dcm"][:700])
    (part / "2.dcm").write_bytes(bytes(len(bucket.objects["u0/2.dcm"])))

    download(both[:1], tmp_path / "idc", bucket.url)

    assert sorted(bucket.sent) == ["u0/1.dcm", "u0/2.dcm"]
    assert contents(tmp_path / "idc")["P0/1.2.0/2.dcm"] == bucket.objects["u0/2.dcm"]


@pytest.mark.parametrize("harm", ["shorter", "other bytes"])
def test_what_the_service_sends_is_compared_with_what_it_lists(tmp_path, bucket, both, harm):
    good = bucket.objects["u0/1.dcm"]
    bucket.changed["u0/1.dcm"] = good[:-5] if harm == "shorter" else bytes(len(good))

    with pytest.raises(ServiceError, match="run the same command again"):
        download(both, tmp_path / "idc", bucket.url)

    assert not place_of(both[0], tmp_path / "idc").exists()
    bucket.changed.clear()
    assert download(both, tmp_path / "idc", bucket.url) == 2
    assert contents(tmp_path / "idc")["P0/1.2.0/1.dcm"] == good


def test_another_number_of_files_than_the_index_says_is_refused(tmp_path, bucket, both):
    del bucket.objects["u0/2.dcm"]

    with pytest.raises(ServiceError, match=r"came as 2 files of .* but the index says 3") as caught:
        download(both, tmp_path / "idc", bucket.url)

    assert "1.2.0" not in str(caught.value)
    assert not place_of(both[0], tmp_path / "idc").exists()


KILLED = """
import sys
from pathlib import Path
from lungml.idc.catalogue import Series
from lungml.idc.download import download
series = [Series("P0", "1.2.0", int(sys.argv[3]), int(sys.argv[4]), "s3://idc/u0/")]
download(series, Path(sys.argv[1]), sys.argv[2])
"""


def test_after_a_kill_the_download_goes_on_with_what_is_missing(tmp_path):
    held = objects(series=1, files=60)
    with s3_server(Bucket(held, seconds=0.2)) as bucket:
        series = series_of(held, 0)
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(tmp_path / "idc"),
            bucket.url,
            "60",
            str(series.size_bytes),
        ]
        running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        while len(_arrived(tmp_path)) < 5:
            assert running.poll() is None
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        arrived = _arrived(tmp_path)
        assert not place_of(series, tmp_path / "idc").exists()
        bucket.sent.clear()
        bucket.seconds = 0

        download([series], tmp_path / "idc", bucket.url)

    assert {f"P0/1.2.0/{key[3:]}": data for key, data in held.items()} == contents(tmp_path / "idc")
    assert len(bucket.sent) <= 60 - len([name for name in arrived if arrived[name] == held[f"u0/{name}"]])


def _arrived(folder):
    return {path.name: path.read_bytes() for path in Path(folder, ".idc.part", "1.2.0").glob("*.dcm")}


def test_without_a_network_it_ends_at_once_with_one_sentence(tmp_path, both, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    started = time.monotonic()

    with pytest.raises(
        ServiceError, match=r"cannot be reached; check the network.*acquire\.source: local"
    ) as caught:
        download(both, tmp_path / "idc", address)

    assert caught.value.exit_code == 9
    assert time.monotonic() - started < 10


def test_a_disk_that_is_too_small_is_told_before_anything_is_loaded(tmp_path, bucket, both):
    huge = Series("P9", "1.2.9", 1, 10**18, "s3://idc/u9/")

    with pytest.raises(OutputError, match=r"1000000000\.0 GB are to be loaded"):
        download([*both, huge], tmp_path / "idc", bucket.url)

    assert bucket.sent == []


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", ".hidden", "a\nb", ""])
def test_names_of_the_index_that_lead_elsewhere_are_refused(tmp_path, bucket, name):
    with pytest.raises(ServiceError, match="no file name"):
        download([Series(name, "1.2.0", 3, 1, "s3://idc/u0/")], tmp_path / "idc", bucket.url)
