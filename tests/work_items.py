"""Functions that worker processes can import."""

import os


def square(number):
    return number * number


def process_of(_item):
    return os.getpid()


def fail_at_three(number):
    if number == 3:
        raise ValueError("three")
    return number
