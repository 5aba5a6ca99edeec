"""Words are found however they are written, and what looks like a patient's is told without values."""

import base64
import gzip
import html
import json
import os
import sqlite3
import tarfile
import zipfile
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from ct_files import body_hu, edit, write_ct

from lungml.phi.needles import Needles
from lungml.phi.scan import known_words, scan_for_patients, short_hash

WORDS = ("M\u00fcller-L\u00fcdenscheidt", "Kowalczyk", "8675309", "Ann\u00e1")


def found(data, words=WORDS, size=1 << 20):
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    return sorted({Needles(words).words[hit.word] for hit in Needles(words).find(chunks)})


WRITTEN = {
    "utf-8": "x M\u00fcller-L\u00fcdenscheidt x".encode(),
    "latin-1": "M\u00fcller-L\u00fcdenscheidt".encode("latin-1"),
    "utf-16-le": "M\u00fcller-L\u00fcdenscheidt".encode("utf-16-le"),
    "utf-16-be": "M\u00fcller-L\u00fcdenscheidt".encode("utf-16-be"),
    "utf-32": "M\u00fcller-L\u00fcdenscheidt".encode("utf-32-le"),
    "upper case": "M\u00dcLLER-L\u00dcDENSCHEIDT".encode(),
    "decomposed": "Mu\u0308ller-Lu\u0308denscheidt".encode(),
    "json": json.dumps("M\u00fcller-L\u00fcdenscheidt").encode(),
    "xml": b"M&#252;ller-L&#252;denscheidt",
    "html": html.escape("M\u00fcller-L\u00fcdenscheidt").encode(),
    "url": quote("M\u00fcller-L\u00fcdenscheidt").encode(),
    "base64": base64.b64encode("M\u00fcller-L\u00fcdenscheidt".encode()),
    "base64 shifted": base64.b64encode("of M\u00fcller-L\u00fcdenscheidt, here".encode()),
    "hex": "M\u00fcller-L\u00fcdenscheidt".encode().hex().encode(),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_name_is_found_however_it_is_written(form):
    assert found(b"\0\1\xff" + WRITTEN[form] + b"\xfe\0\0") == ["M\u00fcller-L\u00fcdenscheidt"]


@pytest.mark.parametrize("at", range(0, 40))
def test_a_word_is_found_once_wherever_chunks_are_cut(at):
    data = b"-" * at + b"Kowalczyk" + b"-" * 60

    hits = [
        list(Needles(WORDS).find(data[i : i + size] for i in range(0, len(data), size))) for size in (7, 16)
    ]

    assert [[hit.at for hit in each] for each in hits] == [[at], [at]]


@pytest.mark.parametrize(
    ("data", "is_found"),
    [
        (b"id 8675309.", True), (b"1.2.8675309.3", True), (b"48675309", False), (b"86753099", False),
        ("to Ann\u00e1 here".encode(), True), ("susann\u00e1 here it is".encode(), False),
    ],
)  # fmt: skip
def test_numbers_and_short_words_must_stand_alone(data, is_found):
    assert bool(found(data)) is is_found


def test_random_bytes_are_no_words():
    assert (
        found(np.random.default_rng(0).bytes(8 << 20), ("Anna", "Bern", "Karl", "8675309", "Kowalczyk")) == []
    )


def test_a_thousand_words_are_looked_for_at_once():
    words = [f"Patient{number:05}" for number in range(1000)]

    assert found(b"xx".join(word.encode() for word in words[::100]), words) == words[::100]


def test_text_is_found_in_everything_that_is_packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "inner.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt.gz", gzip.compress(b"of Kowalczyk " * 30))
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz") as archive:
        archive.add(__file__, "b.bin")
    pd.DataFrame({"remark": ["Kowalczyk"] * 50, "id": 8675309}).to_parquet(
        tmp_path / "t.parquet", compression="gzip"
    )
    with sqlite3.connect(tmp_path / "t.db") as base:
        base.execute("create table t (x text)")
        base.execute("insert into t values (?)", ["-" * 4090 + "Kowalczyk"])
    base.close()

    places = scan_for_patients(tmp_path, WORDS)

    kowalczyk = f"known word {short_hash('Kowalczyk')}"
    assert {place.path for place in places if place.what == kowalczyk} == {
        "inner.zip", "a.tar.xz", "t.parquet", "t.db",
    }  # fmt: skip
    assert f"known word {short_hash('8675309')}" in {place.what for place in places}


def test_a_bomb_is_noted_and_not_unpacked(tmp_path):
    with gzip.open(tmp_path / "zeros.gz", "wb", 9) as stream:
        for _ in range(100):
            stream.write(bytes(1 << 20))
    data = (tmp_path / "zeros.gz").read_bytes()
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(data, 9))

    places = scan_for_patients(tmp_path, WORDS)

    assert [place for place in places if place.sure] == []


def test_tags_that_tell_are_named_and_values_are_not(tmp_path):
    path = write_ct(tmp_path / "in", body_hu()[:1], InstitutionName="St Elsewhere")[0]

    places = scan_for_patients(tmp_path, ())

    assert {place.where for place in places} == {
        "tag InstitutionName", "tag PatientBirthDate", "tag PatientID", "tag PatientName",
    }  # fmt: skip
    edit(path, InstitutionName=None, PatientBirthDate="", PatientID="LIDC-IDRI-0001", PatientName="anon-12ab")
    assert scan_for_patients(tmp_path, ()) == []


def test_columns_and_elements_that_tell_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("patient_name,x\nJane Doe,1\n")
    (tmp_path / "b.xml").write_text("<r><PatientName>Jane Doe</PatientName></r>")
    pd.DataFrame({"mrn": ["12345678"], "y": [1]}).to_parquet(tmp_path / "c.parquet")
    (tmp_path / "d.csv").write_text("patient_id,x\nLIDC-IDRI-0001,1\n")
    (tmp_path / "e.txt").write_text("call 030 1234 5678, seen on 2019-03-14")

    places = scan_for_patients(tmp_path, ())

    assert {(place.path, place.where, place.what) for place in places} == {
        ("a.csv", "column patient_name", "not empty"),
        ("b.xml", "element PatientName", "not empty"),
        ("c.parquet", "column mrn", "not empty"),
        ("e.txt", "text", "a date"),
        ("e.txt", "text", "a telephone number"),
    }
    assert not [place for place in places if place.path == "e.txt" and place.sure]


def test_known_words_come_from_all_that_tells_in_the_headers(tmp_path):
    write_ct(tmp_path, body_hu()[:1], AccessionNumber="ACC778899", PatientAddress="Elm Street 7")

    words = known_words(tmp_path)

    assert words >= {"Doe^Jane", "Doe", "Jane", "MRN12345", "19500101", "ACC778899", "Elm Street 7", "1.2.8"}


def test_a_name_in_a_path_is_told_with_the_path_hidden(tmp_path):
    (tmp_path / "Kowalczyk").mkdir()
    (tmp_path / "Kowalczyk" / "a.bin").write_bytes(b"nothing")

    (place,) = scan_for_patients(tmp_path, WORDS)

    assert place.where == "the name"
    assert "kowal" not in place.path.lower()


def test_names_of_files_that_are_no_utf_8_are_looked_at_and_shown(tmp_path):
    file = os.fsencode(tmp_path) + b"/Kowalczyk-\xfc.txt"
    with open(file, "wb") as stream:  # noqa: PTH123 (a Path is text)
        stream.write(b"to Kowalczyk")
    (tmp_path / "plain.txt").write_text("nothing")
    os.rename(tmp_path / "plain.txt", os.fsencode(tmp_path) + b"/\xfc.txt")  # noqa: PTH104

    places = scan_for_patients(tmp_path, WORDS)

    assert [place.where for place in places] == ["byte 3", "the name"]
    json.dumps([place.path for place in places]).encode()
    "".join(place.path for place in places).encode()
