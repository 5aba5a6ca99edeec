from lungml import errors
from lungml.errors import LungmlError


def kinds(kind=LungmlError):
    return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    for kind in kinds():
        line = next(line for line in errors.__doc__.splitlines() if f"{kind.__name__} " in line)
        assert str(kind.exit_code) in line.split()


def test_no_two_errors_share_an_exit_code():
    codes = [kind.exit_code for kind in kinds()]

    assert len(codes) == len(set(codes))
    assert 0 not in codes
