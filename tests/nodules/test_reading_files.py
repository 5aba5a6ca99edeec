from lidc_files import lidc_xml, nodule, roi

from lungml.nodules.lidc_xml import parse_readings
from lungml.nodules.reading_files import by_series, choose_file


def files(folder, *texts):
    for number, text in enumerate(texts):
        (folder / f"{number}.xml").write_text(text)
    return [parse_readings(folder, f"{number}.xml") for number in range(len(texts))]


def test_equal_files_of_one_series_count_once(tmp_path):
    text = lidc_xml([[nodule(roi(""))]])

    chosen, findings = choose_file(files(tmp_path, text, text.replace("?>", "?> "), text))

    assert chosen.path == "0.xml"
    assert [(finding.code, finding.path) for finding in findings] == [
        ("LM-X010", "1.xml"),
        ("LM-X010", "2.xml"),
    ]


def test_files_that_disagree_are_all_set_aside(tmp_path):
    chosen, findings = choose_file(
        files(tmp_path, lidc_xml([[nodule(roi(10))]]), lidc_xml([[nodule(roi(10), malignancy=5)]]))
    )

    assert chosen is None
    assert {finding.code for finding in findings} == {"LM-X005"}
    assert len(findings) == 2


def test_files_are_grouped_by_the_series_they_name(tmp_path):
    groups = by_series(files(tmp_path, lidc_xml([], "1.1"), lidc_xml([], "1.2"), lidc_xml([], "1.1")))

    assert {uid: [file.path for file in group] for uid, group in groups.items()} == {
        "1.1": ["0.xml", "2.xml"],
        "1.2": ["1.xml"],
    }
