"""The control interface for tests, in this process or another."""

from tests.servers.telegram.acting import Acting
from tests.servers.telegram.looking import Looking
from tests.servers.telegram.spoiling import Spoiling


class Surface(Acting, Spoiling, Looking):
    """The whole control interface."""
