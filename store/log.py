"""Logs are events too: one JSON line each, with the words of the glossary, and never a person's number.

What looks like an ID number or a mobile phone is masked on the way out, whoever wrote it: the last
wall, behind the rule that personal data is not handed to the log in the first place.
"""

import logging
import re
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

_NUMBERS: Final = re.compile(
    # ID numbers, and cards and accounts with their up to nineteen digits; a case number has twenty-one.
    r"(?<!\d)(?:\d{17}[Xx]|\d{15,19})(?!\d)"
    # Eleven digits stand in many a UUID, so a phone has to stand alone.
    r"|(?<![0-9A-Za-z-])1[3-9]\d{9}(?![0-9A-Za-z-])"
)


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what looks like an ID number, an account or a phone in every text of the line."""
    return {key: _masked(value) for key, value in event.items()}


def masked(text: str) -> str:
    """The text with what looks like an ID number, an account or a phone made unreadable."""
    return _NUMBERS.sub(lambda found: f"{found[0][:3]}****", text)


def _masked(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case int() if not isinstance(value, bool):
            shown = masked(str(value))
            return value if shown == str(value) else shown
        case dict():
            return {key: _masked(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_masked(entry) for entry in value]
        case _:
            return value


def configure(log_format: str, level: str) -> None:
    """Send everything, other libraries' lines included, to standard error as one stream."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_numbers,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access", "temporalio"):
        logging.getLogger(noisy).setLevel("WARNING")
