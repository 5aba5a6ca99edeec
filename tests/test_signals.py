import os
import signal
import threading

import pytest

from lungml.signals import as_ctrl_c, requests

SIGNAL = signal.SIGUSR1


def send():
    os.kill(os.getpid(), SIGNAL)


def test_the_first_signal_is_a_request_and_the_second_goes_where_it_went_before():
    heard, told = [], []
    before = signal.signal(SIGNAL, lambda number, _frame: heard.append(number))
    try:
        with requests([SIGNAL], told.append) as asked:
            assert not asked.is_set()
            send()
            assert (asked.is_set(), told, heard) == (True, [SIGNAL], [])
            send()
            assert (told, heard) == ([SIGNAL], [SIGNAL])
    finally:
        signal.signal(SIGNAL, before)


def test_afterwards_the_handler_is_the_one_of_before_even_after_an_error():
    before = signal.getsignal(SIGNAL)

    try:
        with requests([SIGNAL]):
            assert signal.getsignal(SIGNAL) is not before
            raise KeyError
    except KeyError:
        pass

    assert signal.getsignal(SIGNAL) is before


def test_outside_the_main_thread_nothing_is_taken():
    before, found = signal.getsignal(SIGNAL), []

    def work():
        with requests([SIGNAL]) as asked:
            found.append((asked.is_set(), signal.getsignal(SIGNAL) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [(False, True)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_and_a_closed_terminal_come_as_ctrl_c(number):
    before = signal.signal(number, signal.SIG_DFL)  # under `nohup`, say, SIGHUP is ignored
    try:
        with pytest.raises(KeyboardInterrupt), as_ctrl_c():
            os.kill(os.getpid(), number)

        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with as_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
