"""Construction of the agent from settings."""

from graph.builder import REPEATABLE, build_graph
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.serde import StateSerializer
from graph.layers import Layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings_with_warning


def make_agent(settings: Settings | None, *, follow: bool) -> Agent:
    """Make an agent; `settings` None reads files and environment. See `graph.app.open_agent`."""
    layers = Layers(settings or load_settings_with_warning(), follow=follow)
    kept = layers.settings.checkpoints_kept
    saver = RedisSaver(layers.redis.client, keep=kept, repeatable=REPEATABLE, serde=StateSerializer())
    drawn = build_graph(layers)
    return Agent(drawn.compile(checkpointer=saver, name="goat"), drawn.compile(name="goat"), layers, saver)
