"""What can go wrong, as one tree; each class has the exit code a shell sees.

    LungmlError                     1   (never raised itself)
    +-- InputError                  4   a file, folder or table is not what it should be
    |   +-- MissingInputError       5   it is not there
    |   +-- ChecksFailedError       11  the data contract does not hold
    +-- OutputError                 7   it cannot be written
    +-- ParamsError                 2   params.yaml or the command line asks for something impossible
    +-- ModelError                  6   weights or a bundle are missing, changed or do not fit
    +-- FoundError                  8   a search or a check of health found something to look at
    +-- ServiceError                9   MLflow, Prefect or a download site does not answer
    +-- InterruptedRunError         75  stopped on request; the same command resumes

0 means all is well; 1 is a bug in lungml.

A message is one or more full sentences: what, where, found, expected, and what to do next. It names no
patient: no PatientName, PatientID, date, or path that holds one.
"""

from __future__ import annotations


class LungmlError(Exception):
    """Anything the user can act on; the command line prints its text and leaves with `exit_code`."""

    exit_code = 1


class InputError(LungmlError):
    """A file, folder or table is not what it should be."""

    exit_code = 4


class MissingInputError(InputError):
    """An input is not there."""

    exit_code = 5


class ChecksFailedError(InputError):
    """The data contract does not hold."""

    exit_code = 11


class OutputError(LungmlError):
    """An output cannot be written."""

    exit_code = 7


class ParamsError(LungmlError):
    """`params.yaml` or the command line asks for something impossible."""

    exit_code = 2


class ModelError(LungmlError):
    """Weights or a bundle are missing, changed, or do not fit."""

    exit_code = 6


class FoundError(LungmlError):
    """A search or a check of health found something that a person should look at."""

    exit_code = 8


class ServiceError(LungmlError):
    """A server or download site does not answer."""

    exit_code = 9


class InterruptedRunError(LungmlError):
    """Stopped on request; the same command resumes."""

    exit_code = 75
