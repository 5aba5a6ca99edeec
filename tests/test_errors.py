from lungml import errors
from lungml.errors import LungmlError


def kinds(kind=LungmlError):
    """The classes of the tree; a domain module may narrow one of them, which keeps its exit code."""
    below = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(found for child in below for found in kinds(child))]


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    for kind in kinds():
        line = next(line for line in errors.__doc__.splitlines() if f"{kind.__name__} " in line)
        assert str(kind.exit_code) in line.split()


def test_no_two_errors_share_an_exit_code():
    codes = [kind.exit_code for kind in kinds()]

    assert len(codes) == len(set(codes))
    assert 0 not in codes
