"""The list of planted bugs can still be planted."""

from tests.planted.bugs import problem, read_bugs


def test_every_bug_fits_one_place_and_names_tests_that_are_there() -> None:
    bugs = read_bugs()
    assert len(bugs) >= 25
    assert len({bug.name for bug in bugs}) == len(bugs)
    assert [said for bug in bugs if (said := problem(bug))] == []
    assert all(bug.old != bug.new and bug.tests for bug in bugs)
