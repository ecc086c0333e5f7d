"""A service of somebody else's: real HTTP on loopback that answers whatever bytes a test puts into its mouth."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Service:
    """`answer` writes the response; what was asked is kept."""

    answer: Answer
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """The request lines, as they came."""
    headers: list[str] = field(default_factory=list)
    hung_up: int = 0
    """Connections that the caller has closed."""


def whole(body: bytes, *, status: int = 200, more: str = "") -> Answer:
    """A complete answer with its length."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}\r\n"

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def drip(body: bytes, *, seconds_per_byte: float) -> Answer:
    """An answer that comes a byte at a time."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 X\r\ncontent-length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds_per_byte)

    return answer


def endless(head: str, chunk: bytes, *, times: int = 1_000_000) -> Answer:
    """A body that goes on for as long as anybody reads."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 X\r\n{head}\r\n".encode())
        for _ in range(times):
            writer.write(chunk)
            await writer.drain()

    return answer


async def silence(writer: asyncio.StreamWriter) -> None:
    """A black hole: takes the request and never answers."""
    await asyncio.Event().wait()


async def _as_far_as_heard(answering: Awaitable[None]) -> None:
    with suppress(ConnectionError):
        await answering


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Service]:
    """The service, until the end of the block."""
    service = Service(answer)
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                service.asked.append(head.splitlines()[0])
                service.headers.append(head.lower())
                length = next(
                    (
                        int(line.split(":")[1])
                        for line in head.lower().splitlines()
                        if line.startswith("content-length")
                    ),
                    0,
                )
                await reader.readexactly(length)
                answering = asyncio.ensure_future(_as_far_as_heard(service.answer(writer)))
                gone = asyncio.ensure_future(reader.read(1))
                try:
                    done, _ = await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    # Also when the test ends meanwhile: what nobody asked them about would count as its failure.
                    answering.cancel()
                    gone.cancel()
                    await asyncio.gather(answering, gone, return_exceptions=True)
                if answering not in done:
                    break
                answering.result()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            service.hung_up += 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(converse(reader, writer))
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()
        for task in list(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await server.wait_closed()
