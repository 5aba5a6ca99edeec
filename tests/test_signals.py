import os
import signal
import threading

from lungml.signals import requests

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
