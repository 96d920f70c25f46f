"""Run notebooks and save them with their outputs where they are: `make notebooks-update ARGS=05`."""

import argparse
import asyncio
import base64
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

from tests.notebooks.executing import FOLDER, copied, execute, isolate, notebooks, pictures
from tests.notebooks.outputs import clean


async def main() -> None:
    """Run those named (all by default), in one copy of the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 03")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to save them")
    parser.add_argument("--pictures", type=Path, help="a folder for their pictures as files")
    parser.add_argument("--data", type=Path, help="GOAT_BENCH_DATA of the kernels")
    given = parser.parse_args()
    chosen = [path for path in notebooks() if path.name.startswith(tuple(given.names or [""]))]
    with TemporaryDirectory() as temporary:
        isolate(os.environ, Path(temporary) / "home")
        if given.data:
            os.environ["GOAT_BENCH_DATA"] = str(given.data.resolve())
        copy = copied(Path(temporary))
        for path in chosen:
            executed = await execute(copy / path.name)
            clean(executed.notebook)
            nbformat.write(executed.notebook, given.folder / path.name)  # type: ignore[no-untyped-call]
            if given.pictures:
                given.pictures.mkdir(parents=True, exist_ok=True)
                for number, picture in enumerate(pictures(executed), start=1):
                    file = given.pictures / f"{path.stem}-{number}.png"
                    file.write_bytes(base64.b64decode(picture))
            print(f"{path.name}: {executed}", *executed.complaints)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
