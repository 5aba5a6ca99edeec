import numpy as np
import pydicom
import pytest
from ct_files import body_hu, write_ct
from pydicom.uid import JPEGLSLossless

from lungml.ct import decoding
from lungml.ct.decoding import DecoderPool
from lungml.ct.read_header import read_header


@pytest.fixture
def images(tmp_path):
    """Headers and stored values of two compressed images."""
    found = []
    for path in write_ct(tmp_path, body_hu((2, 32, 32))):
        dataset = pydicom.dcmread(path)
        stored = dataset.pixel_array
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
        dataset.save_as(path)
        found.append((read_header(tmp_path, path.name), stored))
    return found


def test_an_image_after_an_interrupted_one_is_its_own(tmp_path, images, monkeypatch):
    (first, _), (second, stored) = images
    pool = DecoderPool()
    pool.decode(tmp_path, first)  # starts the process
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "_answer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pool.decode(tmp_path, first)

    image = pool.decode(tmp_path, second)

    assert np.array_equal(image, stored)
