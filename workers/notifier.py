"""提醒的发送: brings every notice to its receiver, each card's in their order, until the receiver has taken it.

A notice counts as sent only when the transaction that holds it commits, after the receiver's answer. A sender may
therefore die at any instant, and any number of senders may run side by side: what is told again has the same id.
A receiver that does not answer is tried until it does; a notice that it refuses again and again is given up.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from activities.faults import GatewayFault, NotAccepted
from activities.notices import SERVICE, Addressee, Message, NoticeAdapter, tell
from activities.settings import NoticeSettings
from domain.bundle import Confirmation
from store.cases import CaseStore
from store.database import STANDS_IDLE_SECONDS, StoreUnavailable
from store.links import sign_link
from store.notices import (
    CHANNEL,
    Unsent,
    access_to_notify,
    accounts_to_tell,
    community_to_call,
    confirmation_to_send,
    contact_to_call,
    put_off,
    sent,
    take,
)
from workers.relay import listen, to_its_end, woken_or_later

log: Final = structlog.get_logger("onething.notifier")

TOLD_WITHIN_SECONDS: Final = STANDS_IDLE_SECONDS * 0.6
"""For one batch; below what the database lets a transaction stand idle, which would forget what was told."""
LINK_WITHOUT_LIMIT: Final = timedelta(days=7)
"""While a clock stands still a question has no end; the link gets one all the same, and a new one with the next limit."""


@dataclass(frozen=True, slots=True)
class Untold:
    """Why a notice was not taken."""

    fault: str
    refused: bool = False
    """The receiver has read it and will not have it; the same again hardly helps."""


class Notifier:
    """One sender; `run` goes on until it is cancelled."""

    def __init__(
        self, store: CaseStore, adapter: NoticeAdapter, settings: NoticeSettings, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._adapter = adapter
        self._settings = settings
        self._clock = clock
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Send whenever there is something, and look for it now and then all the same."""
        pause = self._settings.notices_poll_seconds
        listening = asyncio.create_task(listen(self._store.database, CHANNEL, self._woken, pause))
        try:
            while True:
                self._woken.clear()
                try:
                    while await to_its_end(self.tell_some()):
                        pass
                except StoreUnavailable as fault:
                    log.warning("nothing can be told now", fault=str(fault))
                    await asyncio.sleep(pause)
                await woken_or_later(self._woken, pause)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def tell_some(self) -> int:
        """Send up to one batch, one notice of each card; returns how many were taken. Raises StoreUnavailable."""
        begun = self._store.database.begin()
        connection = await asyncio.to_thread(begun.__enter__)
        try:
            notices = await asyncio.to_thread(take, connection, self._settings.notices_at_once, self._clock())
            count = await self._tell(connection, notices) if notices else 0
        except BaseException as fault:
            # They stay for the next sender, who tells them under the same ids.
            await asyncio.to_thread(begun.__exit__, type(fault), fault, fault.__traceback__)
            raise
        await asyncio.to_thread(begun.__exit__, None, None, None)
        return count

    async def _tell(self, connection: Connection, notices: Sequence[Unsent]) -> int:
        failed: dict[UUID, Untold] = {}
        messages = await asyncio.to_thread(self._addressed, connection, notices, failed)
        telling = [asyncio.create_task(self._tell_one(message, failed)) for message in messages]
        try:
            if telling:
                await asyncio.wait(telling, timeout=TOLD_WITHIN_SECONDS)
        finally:
            for task in telling:
                task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)
        to_nobody = [message.notice.number for message in messages if not message.reached]
        await asyncio.to_thread(self._settle, connection, notices, failed, to_nobody)
        return len(notices) - len(failed)

    def _addressed(
        self, connection: Connection, notices: Sequence[Unsent], failed: dict[UUID, Untold]
    ) -> list[Message]:
        messages: list[Message] = []
        for notice in notices:
            try:
                messages.append(self._message(connection, notice))
            except (StoreUnavailable, DBAPIError):
                raise  # the transaction that holds them all is over, and no notice is at fault
            except Exception as fault:  # one that reaches nobody must not keep the others from being told
                self._not_told(notice, failed, Untold(type(fault).__name__))
        return messages

    def _message(self, connection: Connection, notice: Unsent) -> Message:
        if notice.action == "withdraw":
            # It disappears wherever it lies; whose desk that is now, and how to call them, is nobody's business.
            return Message(notice, ())
        at = self._clock()
        accounts = accounts_to_tell(connection, notice, at)
        form = confirmation_to_send(connection, self._store.case_file, notice)
        addressee = self._addressee(connection, notice, form, at) if self._adapter.reaches_contacts else None
        # A form is meant for the person: that the desk has a card too does not bring it to them.
        reached = bool(addressee and addressee.phones) or (form is None and bool(accounts))
        if not reached:
            log.warning("nobody to tell", notice=str(notice.id), unit=notice.unit, audience=notice.audience)
        if addressee is None:
            return Message(notice, accounts, reached=reached)
        token = sign_link(self._store.vault, notice.card, notice.due or at + LINK_WITHOUT_LIMIT)
        link = f"{self._settings.notices_link_url.rstrip('/')}/{token}"
        return Message(notice, accounts, addressee, link, reached)

    def _addressee(
        self, connection: Connection, notice: Unsent, form: Confirmation | None, at: datetime
    ) -> Addressee | None:
        """Who answers without an account: the community's first contact, or the person who is asked to confirm."""
        if community := community_to_call(connection, notice, at):
            contact = contact_to_call(self._store.database, self._store.vault, notice, community, at, recipient=SERVICE)
            return None if contact is None else Addressee(contact.name, contact.phones)
        return None if form is None else self._confirmer(notice, form, at)

    def _confirmer(self, notice: Unsent, route: Confirmation, at: datetime) -> Addressee | None:
        about = (route.name, route.phone)
        case = (
            self._store.open_for(notice.case_id, access_to_notify(notice, about, at, recipient=SERVICE))
            if notice.attempts == 0
            else self._store.open_case_file(notice.case_id)
        )
        name, phone = (case.declared(path) for path in about)
        return Addressee(name, (phone,)) if name and phone else None

    async def _tell_one(self, message: Message, failed: dict[UUID, Untold]) -> None:
        """Tell it; if that does not succeed, the reason is in `failed`, also when this is cancelled."""
        notice = message.notice
        failed[notice.id] = Untold("no_answer_in_time")
        try:
            await tell(self._adapter, message)
        except GatewayFault as fault:
            self._not_told(notice, failed, Untold(fault.fault))
        except NotAccepted as fault:
            self._not_told(notice, failed, Untold(fault.fault, refused=True))
        except Exception as fault:  # one that cannot be told at all must not keep the others from being told
            self._not_told(notice, failed, Untold(type(fault).__name__))
        else:
            del failed[notice.id]

    def _not_told(self, notice: Unsent, failed: dict[UUID, Untold], why: Untold) -> None:
        log.warning("notice not taken", notice=str(notice.id), action=notice.action, fault=why.fault)
        failed[notice.id] = why

    def _settle(
        self,
        connection: Connection,
        notices: Sequence[Unsent],
        failed: Mapping[UUID, Untold],
        to_nobody: Sequence[int],
    ) -> None:
        at = self._clock()
        sent(connection, [notice for notice in notices if notice.id not in failed], at, to_nobody=to_nobody)
        for notice in notices:
            if why := failed.get(notice.id):
                put_off(connection, notice, at, why.fault, refused=why.refused)
