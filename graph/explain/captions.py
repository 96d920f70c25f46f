"""Captions of the nodes in the drawn graph, passed to LangGraph as a node's `metadata`."""

from collections.abc import Mapping

from memory.recall.mechanisms import MECHANISMS

CAPTIONS: Mapping[str, Mapping[str, str]] = {
    "prefetch": {
        "does": "search the memory (L3)",
        "thematic": "by meaning and words, always",
        **{one.name.value: one.caption for one in MECHANISMS},
    },
    "identity": {"does": "read who the agent is (L0)"},
    "facts": {"does": "read the facts (L1)"},
    "working": {"does": "read the conversation (L2)"},
    "gap_filter": {"does": "keep what is relevant"},
    "budget": {"does": "divide the token budget"},
    "assemble": {"does": "write the prompt"},
    "respond": {"does": "ask the model"},
    "tools": {"does": "run one call"},
    "ground": {"does": "check the figures"},
    "archive": {"does": "save the turn"},
}
