"""A wire between the house and its database that breaks at the worst instant: committed, and the answer not yet heard.

It reads Postgres' own messages on their way back, so that it cuts between the server's word that COMMIT is done and
the client's hearing of it, and nowhere else.
"""

import asyncio
import threading
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

COMMITTED = b"COMMIT\x00"
_TYPE_AND_LENGTH = 5


class DatabaseProxy:
    """Listens on loopback and passes everything on; runs on a thread of its own. Without TLS on the way."""

    def __init__(self, url: str) -> None:
        """`url` is the database behind it, as SQLAlchemy writes it: over a socket file or a host."""
        self._behind = make_url(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._cuts_left = 0
        self.cuts = 0
        """Answers that were lost."""
        self.port = 0

    @property
    def url(self) -> str:
        """The same database, through here."""
        here = self._behind.difference_update_query(["host", "port"]).set(host="127.0.0.1", port=self.port)
        return here.update_query_dict({"sslmode": "disable", "gssencmode": "disable"}).render_as_string(
            hide_password=False
        )

    def cut_commits(self, number: int) -> None:
        """Lose the answers to the next so many commits."""
        self._cuts_left = number

    def cut_everything(self) -> None:
        """Break every connection, whatever it is doing."""
        asyncio.run_coroutine_threadsafe(self._drop_all(), self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._drop_all()
        await self._server.wait_closed()

    async def _drop_all(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._carry(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await self._connect()
        except OSError:
            to_client.transport.abort()
            return
        ways = [
            asyncio.ensure_future(_pass_on(client, to_server)),
            asyncio.ensure_future(self._answers(server, to_client)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_client.transport.abort()
            to_server.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        query = self._behind.query
        host, port = query.get("host", self._behind.host), query.get("port", self._behind.port or 5432)
        if str(host).startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(str(host), int(str(port)))

    async def _answers(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Message by message; returning breaks the connection."""
        while True:
            head = await server.readexactly(_TYPE_AND_LENGTH)
            body = await server.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == b"C" and body == COMMITTED and self._cuts_left > 0:
                self._cuts_left -= 1
                self.cuts += 1
                return
            to_client.write(head + body)
            await to_client.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
