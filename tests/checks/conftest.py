import socket

import pytest


@pytest.fixture(autouse=True, scope="module")
def no_network():
    def refuse(*_):
        raise AssertionError("something opened a connection")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield
