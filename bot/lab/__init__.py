"""Benchmarks, labelling and tuning; notebooks import everything from here."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_PAST: Mapping[str, str] = {
    "bot.lab.past.own_past": "Past",
    "bot.lab.past.tuner": "Tuner",
    "bot.lab.past.past_measures": "baselines by_group compare reliability_of",
    "bot.lab.past.past_figures": "groups_figure halves_figure precision_recall_figure reliability_figure "
    "sweep_figure",
    "bot.lab.past.past_result": "apply best_settings halves_of held_out_table own_calibration propose "
    "result_of rollback",
    "bot.lab.labelling.own_calibration": "TooFewLabels",
    "bot.lab.past.labels": "agreement weak_labels",
    "bot.lab.labelling.widget": "LabellingWidget",
}
"""One's own past turns."""
_TURNS: Mapping[str, str] = {
    "bot.lab.notebook.dissection": "candidates_table nodes_table prompt_text query_table schedule "
    "search_warning",
    "bot.lab.notebook.notebook_agent": "fill settings_in temporary_agent",
    "bot.lab.notebook.picture": "budget_figure memories_figure picture",
    "bot.lab.notebook.widgets": "Progress",
    "bot.lab.notebook.simulated_day": "Fault LAYERS layer_use layers_table outages send_messages "
    "split_archive",
    "bot.lab.notebook.table": "Table",
    "bot.lab.label_plots": "precision_recall_curve reliability_diagram",
    "bot.lab.plots": "bars_figure chances_figure curve_of curves_figure lines_figure schedule_figure "
    "stacked_figure",
    "graph.app": "open_agent",
    "graph.settings.settings_loader": "load_settings",
    "graph.state.circumstances": "Circumstances thread_id",
}
"""An agent in a cell, and a turn taken apart."""
_BENCHMARKS: Mapping[str, str] = {
    "bot.lab.bench.asked_turns": "ask_sets",
    "bot.lab.bench.bench_layers": "VECTORS bench_layers embeddings_cache",
    "bot.lab.bench.committed_figures": "committed_results curve estimate injection_table names_of "
    "recall_table",
    "bot.lab.bench.contestants": "CONTESTANTS SHARES neighbour_contestants",
    "bot.lab.bench.dense": "PlainE5 first_window late_sentences rank_answers windows_of",
    "bot.lab.bench.race": "by_age false_injections mean_measure race relevant",
    "bot.lab.bench.sets.handmade": "romanian spread_days",
    "bot.lab.bench.sets.irrelevant": "read_phrases with_irrelevant",
    "bot.lab.bench.sets.data_sets": "labelled_sets packed_cases",
    "bot.lab.bench.tuning_data": "DEFAULTS GRIDS RULES STANDARD estimates figures halves held_out "
    "judgements labelled_turns points_table whole_archives",
    "graph.stores": "embedding_model models_folder",
    "graph.tuning.write_checks": "in_force",
    "memory.embedding.e5": "E5Embeddings",
    "memory.recall.relevance": "data_digest",
    "memory.tuning.curves": "baseline_points choose operating_points",
    "memory.tuning.reliability": "reliability",
    "memory.tuning.resampling": "resampling",
    "memory.tuning.tuning_result": "Figures TuningResult",
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
