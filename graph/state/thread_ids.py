"""Thread ids."""

import json
import uuid

_NAMESPACE = uuid.UUID("6e6f7461-676f-5a74-8a32-2e30676f6174")


def thread_id(*names: str) -> str:
    """Derive a thread's id from the names of its channel, such as ("terminal", "me", "2")."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))
