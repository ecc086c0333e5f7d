"""How a department takes a submission: once for each key, whatever the network does to the calls.

The same code stands behind the HTTP service and behind the in-process variant, so that what a benchmark leaves out is
the network and nothing else.
"""

import hashlib
import json
import time
from typing import Any

from demo.city.desks import DESKS, Concluded, Decision, Denied, Desk, Submission
from demo.city.faults import UNHARMED, Struck
from demo.city.ledger import Ledger
from demo.city.population import Population
from demo.city.wire import BadRequest, Reply, as_json, problem

REFERENCE_PREFIXES = {
    "delivery_institution": "CS",
    "health": "WJ",
    "public_security": "GA",
    "healthcare_security": "YB",
    "human_resources": "RS",
    "tax": "SW",
    "citizen_card_company": "SM",
    "vaccination_unit": "YM",
    "bank": "YH",
    "housing_fund": "GJ",
    "township": "XZ",
    "civil_affairs": "MZ",
}
LONGEST_KEY = 255


class Departments:
    def __init__(self, ledger: Ledger, city: Population) -> None:
        self.ledger = ledger
        self.city = city

    def submit(self, department: str, key: str | None, body: dict[str, Any], struck: Struck = UNHARMED) -> Reply:
        """The first answer, however often the same submission comes; a problem when it cannot be taken."""
        try:
            return self._submit(department, key, body, struck)
        except BadRequest as bad:
            return bad.reply

    def _submit(self, department: str, key: str | None, body: dict[str, Any], struck: Struck) -> Reply:
        if department not in REFERENCE_PREFIXES:
            raise BadRequest(404, f"no department is called {department}")
        if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise BadRequest(422, "a submission needs an Idempotency-Key of up to 255 ASCII characters")
        fingerprint = hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).digest()
        first = self.ledger.find_first_answer(department, key)
        if first is not None:
            if first.fingerprint != fingerprint:
                return problem(409, "this Idempotency-Key came with another submission before")
            self.ledger.count_repeated_call(first.number)
            return Reply(first.status, first.answer)
        submission, desk = _read(department, body)
        with self.ledger.booking():
            return self._book(department, key, fingerprint, submission, desk, struck)

    def _book(
        self, department: str, key: str, fingerprint: bytes, submission: Submission, desk: Desk, struck: Struck
    ) -> Reply:
        number = self.ledger.next_submission()
        decision = self._decide(submission, desk, number, struck)
        reference = f"{REFERENCE_PREFIXES[department]}{number:010d}"
        said = _said(decision, reference)
        reply, outcome = Reply(200, as_json(said)), said["outcome"]
        if struck.later or struck.duplicate_callback:
            self._tell_later(key, said, struck)
            reply = Reply(202, as_json({"outcome": "accepted", "reference": reference}))
        self.ledger.book_submission(
            number, department, key, submission.case_no, submission.item, submission.subject, outcome,
            fingerprint, reply.status, reply.body,
        )  # fmt: skip
        return reply

    def _decide(self, submission: Submission, desk: Desk, number: int, struck: Struck) -> Decision:
        if struck.deny:
            params = struck.deny.params
            return Denied(str(params.get("reason_code", "denied")), str(params.get("reason", "不符合办理条件")))
        effect = self.ledger.next_effect()
        decision = desk.decide(submission, self.ledger, self.city, effect)
        if isinstance(decision, Concluded):
            self.ledger.book_effect(effect, number)
        return decision

    def _tell_later(self, key: str, said: dict[str, Any], struck: Struck) -> None:
        seconds = struck.later.seconds if struck.later else 0.0
        copies = struck.duplicate_callback.params.get("n", 2) if struck.duplicate_callback else 1
        payload = as_json({"submission": key, **said})
        self.ledger.book_callback(payload, max(1, int(copies)), time.time() + seconds)


def _said(decision: Decision, reference: str) -> dict[str, Any]:
    match decision:
        case Concluded(products):
            return {"outcome": "concluded", "reference": reference, "products": products}
        case Denied(reason_code, reason):
            return {"outcome": "denied", "reference": reference, "reason_code": reason_code, "reason": reason}


def _read(department: str, body: dict[str, Any]) -> tuple[Submission, Desk]:
    wrong = [
        (f"/{name}", "is required")
        for name in ("case_no", "item")
        if not isinstance(body.get(name), str) or not body[name]
    ]
    if not isinstance(body.get("subject"), str | None):
        wrong.append(("/subject", "is a text or null"))
    wrong += [
        (f"/{name}", "is an object") for name in ("people", "products", "facts") if not isinstance(body.get(name), dict)
    ]
    if not wrong:
        wrong += [(f"/people/{k}", "is an object") for k, v in body["people"].items() if not isinstance(v, dict)]
    if wrong:
        raise BadRequest(422, "the department cannot read this submission", wrong)
    desk = DESKS.get(body["item"])
    if desk is None or department not in desk.departments:
        raise BadRequest(422, "the department does not handle this item", [("/item", f"not handled by {department}")])
    submission = Submission(
        body["case_no"], body["item"], body.get("subject"), body["people"], body["products"], body["facts"]
    )
    lacking = list(desk.needs(submission))
    if lacking:
        raise BadRequest(422, "the submission lacks what the department needs", lacking)
    return submission, desk
