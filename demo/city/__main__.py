"""`python -m demo.city platform` or `departments`: one service of the city in a process of its own, on loopback only.

It prints one line when it listens and leaves with 0 when asked to; 1 means that the port or the ledger is taken,
2 that it was started wrongly.
"""

import argparse
import gc
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

from demo.city.callbacks import CallbackAddress
from demo.city.departments import DepartmentSystems
from demo.city.ledger import IN_MEMORY, Ledger, LedgerInUse
from demo.city.notices import Cards
from demo.city.platform import Platform
from demo.city.population import DEFAULT_SEED, Population
from demo.city.submissions import REFERENCE_PREFIXES
from demo.city.wire import DEMO_TOKEN

LOOPBACK_ADDRESS = "127.0.0.1"
WAITING_CONNECTIONS = 2_048
KEEPS_CONNECTIONS_SECONDS = 75  # longer than any caller's pool, so that no call meets a closing door
LEAVES_WITHIN_SECONDS = 2  # a black hole would otherwise never let go
COLLECTS_AFTER_OBJECTS = 50_000
TAKEN, STARTED_WRONGLY = 1, 2


def main(arguments: list[str] | None = None) -> NoReturn:
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    door = _listen(asked.port)
    try:
        application = _application(asked)
    except LedgerInUse as taken:
        _leave(TAKEN, str(taken))
    sys.stdout.write(f"demo city {asked.service} listening on http://{LOOPBACK_ADDRESS}:{door.getsockname()[1]}\n")
    sys.stdout.flush()
    # uvicorn raises the signal again after an orderly end; there is nothing left for it to do then.
    for asked_to_leave in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_leave, lambda *_: None)
    # What was made so far stays for good; looking at it again and again would cost more than the requests do.
    gc.freeze()
    gc.set_threshold(COLLECTS_AFTER_OBJECTS)
    uvicorn.Server(_settings(application)).run(sockets=[door])
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.city", description="One service of the simulated city.")
    parser.add_argument("service", choices=("platform", "departments"))
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--token-file", type=Path, help=f"what callers must show; without it: {DEMO_TOKEN}")
    parser.add_argument("--admin-token-file", type=Path, help="what arranging faults takes; without it: the token")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the people and of the faults")
    parser.add_argument("--ledger", type=Path, help="the service's books; without it they are forgotten")
    parser.add_argument("--callback-url")
    parser.add_argument("--callback-token-file", type=Path, help="shown with every callback, unless the next has one")
    parser.add_argument(
        "--callback-token-of",
        action="append",
        default=[],
        metavar="DEPARTMENT=FILE",
        help="that department's own token",
    )
    return parser


def _application(asked: argparse.Namespace) -> ASGIApp:
    token = _token(asked.token_file) or DEMO_TOKEN
    admin_token = _token(asked.admin_token_file) or token
    city = Population(seed=asked.seed)
    if asked.service == "platform":
        return Platform(city, token, admin_token, Cards(asked.ledger or IN_MEMORY))
    address = None
    if asked.callback_url:
        tokens = dict(map(_token_of, asked.callback_token_of))
        callback_token = _token(asked.callback_token_file)
        if callback_token is None and not tokens:
            _leave(STARTED_WRONGLY, "--callback-url needs --callback-token-file or --callback-token-of")
        address = CallbackAddress(asked.callback_url, callback_token or "", tokens)
    return DepartmentSystems(Ledger(asked.ledger or IN_MEMORY), city, token, admin_token, address)


def _token_of(word: str) -> tuple[str, str]:
    department, equals, file = word.partition("=")
    token = _token(Path(file)) if equals else None
    if department not in REFERENCE_PREFIXES or token is None:
        _leave(STARTED_WRONGLY, f"--callback-token-of {word}: expected DEPARTMENT=FILE")
    return department, token


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as unreadable:
        _leave(STARTED_WRONGLY, f"the token file cannot be read: {unreadable}")
    if not token.isascii() or not token:
        _leave(STARTED_WRONGLY, f"the token in {path} is not a line of ASCII")
    return token


def _listen(port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((LOOPBACK_ADDRESS, port))
    except (OSError, OverflowError) as refused:
        _leave(TAKEN, f"port {port} cannot be had: {refused}")
    door.listen(WAITING_CONNECTIONS)
    return door


def _settings(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEPS_CONNECTIONS_SECONDS,
        timeout_graceful_shutdown=LEAVES_WITHIN_SECONDS,
    )


def _leave(code: int, why: str) -> NoReturn:
    sys.stderr.write(f"demo city: {why}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
