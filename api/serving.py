"""The API as a process: one port, one event loop, and an end that lets every request under way finish."""

import socket
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from api.app import from_environment
from api.settings import ApiSettings

log: Final = structlog.get_logger("onething.api")

BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """A server that lets those go who only listen, so that they do not keep it from stopping."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second cuts it short."""
        self._app.state.house.feed.close_soon()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ended as asked is ended well: uvicorn would raise the signal once more, and the process be called killed."""
        await super().shutdown(sockets)
        self._captured_signals.clear()


def serve(settings: ApiSettings | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    settings = settings or ApiSettings()
    app = from_environment()
    listening = listen_on(settings.api_host, settings.api_port, reuse=settings.api_reuse_port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        # Addresses may hold what people typed; what matters of a request is logged where it is decided.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.connections_at_most,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.shutdown_grace_seconds),
    )
    host, port = listening.getsockname()[:2]
    log.info("ready", address=f"http://{host}:{port}")
    _Server(config, app).run(sockets=[listening])


def listen_on(host: str, port: int, *, reuse: bool) -> socket.socket:
    """A listening socket; with `reuse`, other processes may listen on the same port and share its requests."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening
