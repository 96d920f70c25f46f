"""The state of a turn and its value types.

Checkpoints of earlier versions name the types by this package, so they stay importable from here.
"""

from graph.exchange import Fitting as Fitting
from graph.state.turn_state import (
    Allocation as Allocation,
)
from graph.state.turn_state import (
    Archived as Archived,
)
from graph.state.turn_state import (
    CalibrationUsed as CalibrationUsed,
)
from graph.state.turn_state import (
    Conversation as Conversation,
)
from graph.state.turn_state import (
    FactSheet as FactSheet,
)
from graph.state.turn_state import (
    Persona as Persona,
)
from graph.state.turn_state import (
    Recall as Recall,
)
from graph.state.turn_state import (
    Reply as Reply,
)
from graph.state.turn_state import (
    TimeMeant as TimeMeant,
)
from graph.state.turn_state import (
    Turn as Turn,
)
from graph.state.turn_state import (
    Unused as Unused,
)
