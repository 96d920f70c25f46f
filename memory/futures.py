"""Calls whose outcome somebody waits for."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def settle(future: Future[T], call: Callable[[], T]) -> None:
    """Run `call` for whoever waits for `future`, unless nobody does any more."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as executors do
        future.set_exception(error)
