"""Run notebooks and save them with outputs and pictures; a second run uses the cached vectors."""

import argparse
import asyncio
import base64
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

from tests.notebooks.executing import copied, execute, isolate, notebooks, pictures


async def main() -> None:
    """Run those named (all by default), in one copy of the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where they are kept with their outputs")
    parser.add_argument("names", nargs="*", help="such as 03")
    parser.add_argument("--data", type=Path, help="GOAT_BENCH_DATA of the kernels")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    chosen = [path for path in notebooks() if path.name.startswith(tuple(given.names or [""]))]
    kept = given.folder.resolve() / ".kept"
    with TemporaryDirectory() as temporary:
        isolate(os.environ, kept / "home")
        if given.data:
            os.environ["GOAT_BENCH_DATA"] = str(given.data.resolve())
        copy = copied(Path(temporary))
        (kept / "bench").mkdir(exist_ok=True)
        (copy / ".bench").symlink_to(kept / "bench")
        for path in chosen:
            executed = await execute(copy / path.name)
            nbformat.write(executed.notebook, given.folder / path.name)  # type: ignore[no-untyped-call]
            for number, picture in enumerate(pictures(executed), start=1):
                (given.folder / f"{path.stem}-{number}.png").write_bytes(base64.b64decode(picture))
            print(f"{path.name}: {executed.seconds:.0f} s", *executed.complaints)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
