"""The state of a turn and its value types.

Checkpoints of earlier versions name the types by this package, so they stay importable from here.
"""

from graph.exchange import Fitting as Fitting
from graph.state.turn_state import (
    Allocation as Allocation,
    Archived as Archived,
    CalibrationUsed as CalibrationUsed,
    Conversation as Conversation,
    FactSheet as FactSheet,
    Persona as Persona,
    Recall as Recall,
    Reply as Reply,
    TimeMeant as TimeMeant,
    Turn as Turn,
    Unused as Unused,
)
