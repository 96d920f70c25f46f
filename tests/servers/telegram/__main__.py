"""Serve in the foreground, and print the address and the token."""

import argparse
import contextlib
import sys

from tests.servers.telegram import BotApi


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="of what goes wrong by chance")
    options = parser.parse_args()
    try:
        server = BotApi(port=options.port, seed=options.seed)
    except OSError as error:
        parser.error(f"port {options.port} cannot be used: {error.strerror}")
    sys.stdout.write(f"{server.url} {server.token}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


if __name__ == "__main__":
    main()
