"""`python -m workers [worker|relay]`: one process; both in one by default, so that cases start without a detour."""

import asyncio
import sys

import uvloop

from workers.running import leave, serve


async def _main(only: str | None) -> None:
    await serve(worker=only in {None, "worker"}, relay=only in {None, "relay"})
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    only = sys.argv[1] if len(sys.argv) > 1 else None
    uvloop.run(_main(only))
    leave(0)
