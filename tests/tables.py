"""Tables of cases in one test, which reports all failing rows."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

Test = Callable[..., Any]


def each(names: str | Sequence[str], rows: Iterable[Any], *, ids: object = None) -> Callable[[Test], Test]:
    """Call a test with every row, like `pytest.mark.parametrize`, but as one test.

    For many small cases of one function, which take less time than the set-up of a test. All rows share the
    test's fixtures; `ids` only document the rows.
    """
    parameters = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = [_values(row, len(parameters)) for row in rows]
    assert table, f"a table of {parameters} without rows"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def called(*arguments: Any, **fixtures: Any) -> None:
            failed: list[str] = []
            for row in table:
                with _noting(failed, row):
                    test(*arguments, **fixtures, **dict(zip(parameters, row, strict=True)))
            _report(failed, len(table))

        @functools.wraps(test)
        async def awaited(*arguments: Any, **fixtures: Any) -> None:
            failed: list[str] = []
            for row in table:
                with _noting(failed, row):
                    await test(*arguments, **fixtures, **dict(zip(parameters, row, strict=True)))
            _report(failed, len(table))

        whole: Any = awaited if inspect.iscoroutinefunction(test) else called
        signature = inspect.signature(test)
        left = [one for name, one in signature.parameters.items() if name not in parameters]
        whole.__signature__ = signature.replace(parameters=left)
        return cast("Test", whole)

    return decorate


@contextmanager
def _noting(failed: list[str], row: Any) -> Iterator[None]:
    try:
        yield
    except (AssertionError, pytest.fail.Exception) as error:
        failed.append(f"{row!r:.500}: {error}")


def _report(failed: Sequence[str], count: int) -> None:
    assert not failed, "\n\n".join([f"{len(failed)} of {count} rows:", *failed])


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if isinstance(row, type(pytest.param())):
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)
