"""Tables of cases in one test, which reports all failing rows."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

Test = Callable[..., None]


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
        def whole(*arguments: Any, **fixtures: Any) -> None:
            failed = []
            for row in table:
                try:
                    test(*arguments, **fixtures, **dict(zip(parameters, row, strict=True)))
                except (AssertionError, pytest.fail.Exception) as error:
                    failed.append(f"{row!r:.500}: {error}")
            assert not failed, "\n\n".join([f"{len(failed)} of {len(table)} rows:", *failed])

        signature = inspect.signature(test)
        left = [one for name, one in signature.parameters.items() if name not in parameters]
        whole.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return whole

    return decorate


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if isinstance(row, type(pytest.param())):
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)
