"""`python -m bench.inline_worker`: the production worker and relay, with departments that answer in the process."""

import asyncio

import uvloop

from bench.inline_gateways import inline_gateways
from workers.running import leave, serve


async def _main() -> None:
    await serve(worker=True, relay=True, gateways=inline_gateways)
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    uvloop.run(_main())
    leave(0)
