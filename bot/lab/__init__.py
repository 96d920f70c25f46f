"""Benchmarks, labelling and tuning; notebooks import everything from here."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_PAST: Mapping[str, str] = {
    "bot.lab.past.own_past": "Past",
    "bot.lab.past.tuner": "Tuner",
    "bot.lab.past.past_figures": "baselines by_group compare groups_figure halves_figure "
    "precision_recall_figure reliability_figure reliability_of sweep_figure",
    "bot.lab.past.past_result": "apply best_settings halves_of held_out_table own_calibration propose "
    "result_of rollback TooFewLabels",
    "bot.lab.past.labels": "agreement weak_labels",
    "bot.lab.past.labelling_widget": "LabellingWidget",
}
"""One's own past turns."""
_TURNS: Mapping[str, str] = {
    "bot.lab.dissection": "budget_figure candidates_table memories_figure nodes_table picture prompt_text "
    "query_table schedule search_warning",
    "bot.lab.notebook_agent": "Fault fill layer_use LAYERS layers_table outages send_messages settings_in "
    "split_archive temporary_agent",
    "bot.lab.widgets": "ProgressWidget Table",
    "bot.lab.curves": "curve_of curves_figure precision_recall_curve reliability_diagram",
    "bot.lab.plots": "bars_figure chances_figure lines_figure schedule_figure stacked_figure",
    "graph.app": "open_agent",
    "graph.settings.settings_loader": "load_settings",
    "graph.state.circumstances": "Circumstances thread_id",
}
"""An agent in a cell, and a turn taken apart."""
_BENCHMARKS: Mapping[str, str] = {
    "bot.lab.bench.tuning_data": "ask_sets DEFAULTS estimates figures GRIDS halves held_out "
    "labelled_turns points_table RULES STANDARD whole_archives",
    "bot.lab.bench.bench_layers": "bench_layers embeddings_cache VECTORS",
    "bot.lab.bench.committed_figures": "committed_results curve estimate injection_table names_of "
    "recall_table",
    "bot.lab.bench.race": "by_age CONTESTANTS false_injections mean_measure neighbour_contestants race "
    "relevant SHARES",
    "bot.lab.bench.dense": "first_window late_sentences PlainE5 rank_answers windows_of",
    "bot.lab.bench.handmade": "read_phrases romanian spread_days with_irrelevant",
    "bot.lab.bench.data_sets": "labelled_sets packed_cases",
    "graph.stores": "embedding_model models_folder",
    "graph.tuning.write_checks": "in_force",
    "memory.embedding.e5": "E5Embeddings",
    "memory.recall.relevance": "data_digest",
    "memory.tuning.curves": "baseline_points choose operating_points",
    "memory.tuning.reliability": "reliability",
    "memory.tuning.resampling": "resampling",
    "memory.tuning.tuning_result": "HeldOutFigures TuningResult",
}
"""Labelled data sets, races on them, and the gain of a change."""
MODULES: Mapping[str, str] = {
    name: module
    for part in (_PAST, _TURNS, _BENCHMARKS)
    for module, names in part.items()
    for name in names.split()
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: many need matplotlib, pandas or ipywidgets."""
    if name not in MODULES:
        raise AttributeError(f"bot.lab has no {name!r}; `dir(bot.lab)` lists what it has")
    return getattr(import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(MODULES)
