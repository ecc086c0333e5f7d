"""Everything that goes wrong with other people's systems, on request and repeatable.

A fault may strike before the effect is booked or after it; the second is the lost answer, and the reason why every
submission carries a key. Chances are drawn from a seed, so that a failed run can be run again.
"""

import base64
import binascii
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from demo.city.wire import BadRequest, Reply, as_json

EVERY_SERVICE = "*"
SPOILING = frozenset(
    {
        "error_500",
        "error_503",
        "garbage_html",
        "garbage_cut_json",
        "garbage_wrong_type",
        "garbage_wrong_schema",
        "garbage_200_error",
        "garbage_charset",
        "down",
        "black_hole",
        "slow_body",
        "raw",
    }
)
DECIDING = frozenset({"later", "deny", "duplicate_callback"})
KINDS = SPOILING | DECIDING | {"latency"}
FIELDS = frozenset({"service", "fault", "probability", "seconds", "times", "params", "seed", "after_effect"})
DEFAULT_SECONDS = 1.0
NO_PARAMS: dict[str, Any] = {}

ERROR_PAGE = "<!DOCTYPE html><html><body><h1>系统维护中，请稍后再试</h1></body></html>"
SAID_IN_ANOTHER_SCHEMA = {"code": "0", "msg": "success", "data": {"list": [], "total": 0}}
SAID_AS_AN_ERROR = {"error": {"code": 500, "message": "内部错误：连接池已满"}}
WRONG_TYPES = {"answers": "无", "outcome": 7, "reference": None, "products": ["—"], "status": {"ok": "yes"}}


@dataclass(slots=True)
class Fault:
    """Mutable in two places only: how often it may still strike, and how often it did."""

    service: str
    fault: str
    probability: float
    seconds: float
    times: int | None
    params: dict[str, Any]
    after_effect: bool | None
    seed: str
    struck: int = 0
    chances: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chances = random.Random(f"{self.seed}/{self.service}/{self.fault}")

    def strikes(self) -> bool:
        if self.times is not None and self.struck >= self.times:
            return False
        if self.probability < 1.0 and self.chances.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def lets_the_effect_happen(self) -> bool:
        """Unless told, a failing system has booked the effect about every second time."""
        return self.chances.random() < 0.5 if self.after_effect is None else self.after_effect

    def shown(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "fault": self.fault,
            "probability": self.probability,
            "seconds": self.seconds,
            "times": self.times,
            "params": self.params,
            "after_effect": self.after_effect,
            "seed": self.seed,
            "struck": self.struck,
        }


@dataclass(frozen=True, slots=True)
class Struck:
    """What hits one request: some delay, perhaps another decision, at most one spoiled answer."""

    delay_seconds: float = 0.0
    later: Fault | None = None
    deny: Fault | None = None
    duplicate_callback: Fault | None = None
    spoils: Fault | None = None


UNHARMED = Struck()


class Faults:
    """The faults in force at one service process, in the order in which they were asked for."""

    def __init__(self, services: Collection[str], kinds: Collection[str], seed: int) -> None:
        self.services = frozenset(services) | {EVERY_SERVICE}
        self.kinds = frozenset(kinds)
        self.seed = seed
        self.in_force: list[Fault] = []

    def add(self, asked: dict[str, Any]) -> Fault:
        wrong = list(self._contradictions(asked))
        if wrong:
            raise BadRequest(422, "this fault cannot be arranged", wrong)
        seconds = asked.get("seconds")
        fault = Fault(
            service=asked["service"],
            fault=asked["fault"],
            probability=float(asked.get("probability", 1.0)),
            seconds=DEFAULT_SECONDS if seconds is None else float(seconds),
            times=asked.get("times"),
            params=asked.get("params") or NO_PARAMS,
            after_effect=asked.get("after_effect"),
            seed=str(asked.get("seed", self.seed)),
        )
        self.in_force.append(fault)
        return fault

    def clear(self, service: str | None = None) -> None:
        if service is not None and service not in self.services:
            raise BadRequest(404, f"no service here is called {service}")
        self.in_force = [] if service is None else [f for f in self.in_force if f.service != service]

    def strike(self, service: str) -> Struck:
        if not self.in_force:
            return UNHARMED
        delay = 0.0
        struck: dict[str, Fault] = {}
        for fault in self.in_force:
            if fault.service not in (service, EVERY_SERVICE):
                continue
            place = "spoils" if fault.fault in SPOILING else fault.fault
            if place in struck or not fault.strikes():
                continue
            if place == "latency":
                delay += fault.seconds
            else:
                struck[place] = fault
        return Struck(delay_seconds=delay, **struck)

    def _contradictions(self, asked: dict[str, Any]) -> list[tuple[str, str]]:
        wrong = [(f"/{name}", "is not a field of a fault") for name in sorted(asked.keys() - FIELDS)]
        if asked.get("service") not in self.services:
            wrong.append(("/service", f"is one of {', '.join(sorted(self.services))}"))
        if asked.get("fault") not in self.kinds:
            wrong.append(("/fault", f"is one of {', '.join(sorted(self.kinds))}"))
        probability, seconds, times = asked.get("probability", 1.0), asked.get("seconds"), asked.get("times")
        if not _number(probability) or not 0 <= probability <= 1:
            wrong.append(("/probability", "is a number from 0 to 1"))
        if seconds is not None and (not _number(seconds) or not 0 <= seconds <= 86_400):
            wrong.append(("/seconds", "is a number from 0 to 86400"))
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            wrong.append(("/times", "is a whole number from 1, or null for without end"))
        if not isinstance(asked.get("after_effect"), bool | None):
            wrong.append(("/after_effect", "is true, false or null"))
        params = asked.get("params")
        if not isinstance(params, dict | None):
            wrong.append(("/params", "is an object"))
        elif asked.get("fault") == "raw":
            wrong += _wrong_in_raw(params or {})
        return wrong


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong_in_raw(params: dict[str, Any]) -> list[tuple[str, str]]:
    wrong = []
    status = params.get("status", 200)
    # 1xx is left out: it announces another answer, and the server would wait for it.
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        wrong.append(("/params/status", "is a number from 200 to 599"))
    content_type = params.get("content_type", "")
    if not isinstance(content_type, str) or not content_type.isascii() or not content_type.isprintable():
        wrong.append(("/params/content_type", "is printable ASCII"))
    if not isinstance(params.get("body", ""), str):
        wrong.append(("/params/body", "is text"))
    try:
        base64.b64decode(params.get("body_base64", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        wrong.append(("/params/body_base64", "is base64"))
    return wrong


def spoiled(fault: Fault, true_reply: Reply) -> Reply:
    """The true answer as the failing system would have sent it; `down` and its like never get here."""
    match fault.fault:
        case "error_500":
            return Reply(500, as_json({"error": "内部错误", "trace": "—"}))
        case "error_503":
            return Reply(503, ERROR_PAGE.encode(), b"text/html; charset=utf-8")
        case "garbage_html":
            return Reply(200, ERROR_PAGE.encode(), b"text/html; charset=utf-8")
        case "garbage_cut_json":
            return Reply(200, true_reply.body[: max(1, len(true_reply.body) // 2)])
        case "garbage_wrong_type":
            return Reply(200, as_json(WRONG_TYPES))
        case "garbage_wrong_schema":
            return Reply(200, as_json(SAID_IN_ANOTHER_SCHEMA))
        case "garbage_200_error":
            return Reply(200, as_json(SAID_AS_AN_ERROR))
        case "garbage_charset":
            # Older systems still say UTF-8 and send GB 18030.
            said = true_reply.body.decode() + "婺川市"
            return Reply(200, said.encode("gb18030"))
        case "raw":
            return _raw(fault.params)
        case _:
            return true_reply


def _raw(params: dict[str, Any]) -> Reply:
    body = base64.b64decode(params["body_base64"]) if "body_base64" in params else params.get("body", "").encode()
    content_type = params.get("content_type", "application/json").encode("ascii")
    status = params.get("status", 200)
    return Reply(status, b"" if status in (204, 304) else body, content_type)
