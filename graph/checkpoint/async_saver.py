"""A base for checkpointers without blocking methods."""
# ruff: noqa: ARG002 - refused, whatever the arguments are

from collections.abc import Iterator
from typing import Any, NoReturn

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple


class AsyncSaver(BaseCheckpointSaver[str]):
    """Refuses every blocking method, naming the async one."""

    def get_tuple(self, config: RunnableConfig) -> NoReturn:
        _refuse("aget_tuple")

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        _refuse("alist")

    def put(self, *args: Any, **options: Any) -> NoReturn:
        _refuse("aput")

    def put_writes(self, config: RunnableConfig, writes: Any, task_id: str, task_path: str = "") -> NoReturn:
        _refuse("aput_writes")

    def delete_thread(self, thread_id: str) -> NoReturn:
        _refuse("adelete_thread")

    def delete_for_runs(self, run_ids: Any) -> NoReturn:
        _refuse("adelete_for_runs")

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> NoReturn:
        _refuse("acopy_thread")

    def prune(self, thread_ids: Any, *, strategy: str = "keep_latest") -> NoReturn:
        _refuse("aprune")


def _refuse(twin: str) -> NoReturn:
    raise NotImplementedError(
        f"this checkpointer is async only: use {twin}, and ainvoke or astream of the graph"
    )
