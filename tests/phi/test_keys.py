"""Pseudonyms: equal for equal words, of a form that fits, and only with the key."""

from pathlib import Path

import pytest

from lungml.phi.keys import KEPT_SUFFIXES, Pseudonyms, is_uid, read_or_make_key

NAMES, OTHERS = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
ROOT = Path(__file__).parents[2]


def test_a_key_is_made_once_and_read_again(tmp_path):
    first = read_or_make_key(tmp_path / "new" / "key")

    assert read_or_make_key(tmp_path / "new" / "key") == first
    assert first != read_or_make_key(tmp_path / "other")


def test_a_key_is_not_shown_by_its_pseudonyms():
    assert "aaaa" not in repr(NAMES)
    assert len(NAMES.fingerprint) == 8


def test_words_differ_with_the_word_and_with_the_key():
    made = {names.name(word) for names in (NAMES, OTHERS) for word in ("Doe", "doe", "Doe^Jane", "1", "01")}

    assert len(made) == 10
    assert NAMES.name(" Doe ") == NAMES.name("Doe")
    assert NAMES.name("") == NAMES.name("  ") == ""


def test_a_name_is_the_hmac_of_its_word():
    """By `printf %s Doe | openssl dgst -sha256 -hmac aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`."""
    assert NAMES.name("Doe") == "anon-0b104f040ab30350"


@pytest.mark.parametrize("uid", ["1.2.3", "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"])
def test_uids_are_of_the_root_for_128_bit_numbers_and_short_enough(uid):
    made = NAMES.uid(uid)

    assert made.startswith("2.25.")
    assert 0 < int(made.removeprefix("2.25.")) < 2**128
    assert len(made) <= 64
    assert made != OTHERS.uid(uid)


def test_uids_that_are_not_there_stay_so():
    assert NAMES.uid("") == ""


@pytest.mark.parametrize("suffix", KEPT_SUFFIXES)
def test_a_file_keeps_the_suffix_that_says_what_it_is(suffix):
    assert NAMES.path(f"Doe/Jane{suffix}") == f"{NAMES.name('Doe')}/{NAMES.name('Jane')}{suffix}"


def test_a_suffix_that_could_be_a_name_does_not_pass():
    assert NAMES.path("scan.Doe") == NAMES.name("scan.Doe")


def test_paths_that_climb_still_climb_as_far():
    assert NAMES.path("../a/./b") == f"../{NAMES.name('a')}/./{NAMES.name('b')}"
    assert NAMES.path("a\\b") == NAMES.path("a/b")


def test_folders_and_files_that_are_called_by_a_uid_are_called_by_the_new_one():
    assert NAMES.path("1.2.840.1/1.2.840.2.mhd") == f"{NAMES.uid('1.2.840.1')}/{NAMES.uid('1.2.840.2')}.mhd"


@pytest.mark.parametrize(
    ("text", "is_one"), [("1.2.3.4", True), ("12.5", False), ("1.2.x.4", False), ("3.1.2.3", False)]
)
def test_uids_are_told_from_numbers(text, is_one):
    assert is_uid(text) is is_one


def test_git_and_dvc_leave_keys_alone():
    assert "*.key" in (ROOT / ".gitignore").read_text().split()
    assert "*.key" in (ROOT / ".dvcignore").read_text().split()
