"""未送达: what a question says where the person who should have heard of it was not told, and who does what about it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from api.case_view import Sentence
from api.house import House
from domain.bundle import Confirmation
from domain.case_file import CaseFile
from domain.notices import Card, cards
from domain.time_limits import to_the_minute
from store.database import again_if_lost
from store.undelivered import Undelivered, undelivered


def undelivered_cards(house: House, file: CaseFile) -> Mapping[UUID, Sentence]:
    """By what waits for a person now: the sentence, where nobody heard of it."""
    return {card.id: sentence for card, sentence in _sentences(house, file)}


def undelivered_proofs(house: House, file: CaseFile) -> Mapping[str, Sentence]:
    """The same, by the proof that waits."""
    return {card.proof: sentence for card, sentence in _sentences(house, file)}


def _sentences(house: House, file: CaseFile) -> Iterator[tuple[Card, Sentence]]:
    waiting = cards(file)
    for id, found in _found(house, waiting).items():
        yield waiting[id], _sentence(file, waiting[id], found)


def _found(house: House, waiting: Mapping[UUID, Card]) -> Mapping[UUID, Undelivered]:
    def look() -> Mapping[UUID, Undelivered]:
        with house.store.database.glancing() as connection:
            return undelivered(connection, waiting)

    return again_if_lost(look) if waiting else {}


def _sentence(file: CaseFile, card: Card, found: Undelivered) -> Sentence:
    form = card.audience == "owner" and isinstance(file.route(card.proof), Confirmation)
    if found.refused_at is not None:
        return _form_refused(found.refused_at) if form else _refused(found.refused_at)
    if form:
        return _NOBODY_TO_SEND_THE_FORM_TO
    return _NO_CASEWORKER if card.audience == "caseworkers" else _NOBODY_TO_TELL


def _refused(at: datetime) -> Sentence:
    moment = to_the_minute(at)
    return Sentence(
        zh=f"提醒未能送达: 接收方拒收, 最近一次 {moment}。请电话联系。",
        en=f"The notice was not delivered: its receiver refused it, last at {moment}. Please call.",
    )


def _form_refused(at: datetime) -> Sentence:
    moment = to_the_minute(at)
    return Sentence(
        zh=f"确认链接未能送达本人: 接收方拒收, 最近一次 {moment}。本人尚未收到表单, 请电话联系。",
        en=f"The link was not delivered: its receiver refused it, last at {moment}. The person has not got the form;"
        " please call them.",
    )


_NOBODY_TO_TELL: Final = Sentence(
    zh="没有人收到提醒: 没有可通知的账号, 也没有可联系的电话。请安排人员, 或提级处理。",
    en="Nobody was told: there is no account to notify and no phone to call. Name somebody, or escalate the proof.",
)
_NO_CASEWORKER: Final = Sentence(
    zh="没有人收到提醒: 没有可通知的经办人账号。请安排经办人。",
    en="Nobody was told: no caseworker has an account to notify. Name one.",
)
_NOBODY_TO_SEND_THE_FORM_TO: Final = Sentence(
    zh="确认链接没有发给本人: 表中没有可用的电话, 或本系统未启用短信等发送渠道。本人尚未收到表单, 请设法联系。",
    en="The link was sent to nobody: the form has no phone for it, or nothing sends messages here. The person has not"
    " got the form; please find another way to reach them.",
)
