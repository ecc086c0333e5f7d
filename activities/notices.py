"""提醒的送达: telling people what waits for them, through whatever a city has: a log, a todo card, a short message.

Every adapter can also change a card and take it away again, because a task that somebody else has finished must not
go on asking. A notice has one id for good, under which a repetition does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, assert_never
from uuid import UUID

import structlog
from pydantic import BaseModel

from activities.faults import GatewayFault, NotAccepted
from activities.gateway import Gateway, Method
from activities.settings import NoticeSettings
from store.notices import Unsent

log: Final = structlog.get_logger("onething.notices")

SERVICE: Final = "notices"
_NOT_THERE: Final = frozenset({"http_404", "http_410"})


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody without an account, to be called or written to; personal, so whoever looks it up notes the access."""

    name: str
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A notice and whom it reaches; personal where there is a contact."""

    notice: Unsent
    accounts: tuple[str, ...]
    addressee: Addressee | None = None
    link: str | None = None
    """Their way to the question; whoever has it may answer, so it is never logged."""
    reached: bool = True
    """Whether anybody hears of it for whom it is meant, once the receiver has taken it."""


class NoticeAdapter(Protocol):
    """The port: whatever brings notices to people. Each call raises GatewayFault or NotAccepted, and is then repeated.

    The receiver may hear one notice several times under the same id, and one card's notices never out of order.
    """

    reaches_contacts: ClassVar[bool]
    """Whether people without an account are reached; if not, nobody looks up their names and phones."""

    async def show(self, message: Message) -> None:
        """Something waits for somebody: a new card."""
        ...

    async def update(self, message: Message) -> None:
        """The card lies on another desk now, or its limit has changed."""
        ...

    async def remind(self, message: Message) -> None:
        """Half of the limit is used up, or most of it."""
        ...

    async def withdraw(self, message: Message) -> None:
        """Nothing waits any more: the card disappears, wherever it is."""
        ...

    async def passed(self, message: Message) -> None:
        """The limit has passed without an answer: told to the superior, who has no card to clear."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


async def tell(adapter: NoticeAdapter, message: Message) -> None:
    """Tell it in the way its action asks for; raises GatewayFault or NotAccepted."""
    match message.notice.action:
        case "show":
            await adapter.show(message)
        case "update":
            await adapter.update(message)
        case "remind":
            await adapter.remind(message)
        case "withdraw":
            await adapter.withdraw(message)
        case "passed":
            await adapter.passed(message)
        case never:
            assert_never(never)


def notice_adapter(settings: NoticeSettings) -> NoticeAdapter:
    """The adapter that the settings name."""
    match settings.notices_adapter:
        case "log":
            return LogNotices()
        case "http":
            assert settings.notices_url is not None
            token = settings.notices_token_file.read_text("utf-8").strip() if settings.notices_token_file else None
            gateway = Gateway(
                token=token,
                within=settings.notices_answer_within_seconds,
                bytes_at_most=settings.notices_answer_bytes_at_most,
                calls_at_once=settings.notices_at_once,
            )
            return HttpNotices(gateway, settings.notices_url)
        case never:
            assert_never(never)


class LogNotices:
    """One line in the log for each notice, with references only; people find their cards in the house."""

    reaches_contacts: ClassVar[bool] = False

    async def show(self, message: Message) -> None:
        """A line that there is a new card."""
        self._write(message)

    async def update(self, message: Message) -> None:
        """A line that the card has changed."""
        self._write(message)

    async def remind(self, message: Message) -> None:
        """A line that somebody is reminded."""
        self._write(message)

    async def withdraw(self, message: Message) -> None:
        """A line that the card is gone."""
        self._write(message)

    async def passed(self, message: Message) -> None:
        """A line that the limit has passed."""
        self._write(message)

    async def close(self) -> None:
        """Holds nothing."""

    def _write(self, message: Message) -> None:
        notice = message.notice
        log.info(
            "notice",
            notice=str(notice.id),
            card=str(notice.card),
            action=notice.action,
            audience=notice.audience,
            case_no=notice.case_no,
            unit=notice.unit,
            accounts=list(message.accounts),
            due=notice.due.isoformat() if notice.due else None,
            reminded=notice.reminded,
        )


class _Taken(BaseModel):
    """The receiver's answer: it names the notice, so that no other page can be taken for it."""

    notice: UUID


class HttpNotices:
    """A todo or short-message service over HTTP: PUT, POST or DELETE `/cards/{card}`, keyed by the notice's id.

    It answers 200, 201 or 202 with `{"notice": id}`; to DELETE also 404 or 410, where it has no such card.
    """

    reaches_contacts: ClassVar[bool] = True

    def __init__(self, gateway: Gateway, url: str) -> None:
        self._gateway = gateway
        self._url = url.rstrip("/")

    async def show(self, message: Message) -> None:
        """PUT the card."""
        await self._call("PUT", message)

    async def update(self, message: Message) -> None:
        """PUT the card as it is now."""
        await self._call("PUT", message)

    async def remind(self, message: Message) -> None:
        """POST to the card."""
        await self._call("POST", message)

    async def withdraw(self, message: Message) -> None:
        """DELETE the card; nothing about it is sent once more."""
        try:
            await self._call("DELETE", message)
        except (GatewayFault, NotAccepted) as fault:
            # A card that the receiver never took, or has cleared away, has disappeared: that is all it was asked for.
            if fault.fault not in _NOT_THERE:
                raise

    async def passed(self, message: Message) -> None:
        """POST to the card, which is gone from its owner's desk."""
        await self._call("POST", message)

    async def close(self) -> None:
        """Give the connections back."""
        await self._gateway.close()

    async def _call(self, method: Method, message: Message) -> None:
        notice = message.notice
        body = None if method == "DELETE" else _body(message)
        answered = await self._gateway.call(
            SERVICE, f"{self._url}/cards/{notice.card}", body, _Taken, key=str(notice.id), method=method
        )
        if answered.notice != notice.id:
            raise GatewayFault(SERVICE, "answer_about_another_notice")


def _body(message: Message) -> Mapping[str, Any]:
    notice = message.notice
    recipients: list[Mapping[str, Any]] = [{"account": account} for account in message.accounts]
    if message.addressee is not None:
        recipients.append({"name": message.addressee.name, "phones": list(message.addressee.phones)})
    return {
        "action": notice.action,
        "audience": notice.audience,
        "case_no": notice.case_no,
        "title": notice.title,
        "title_en": notice.title_en,
        "unit": notice.unit,
        "due": notice.due.isoformat() if notice.due else None,
        "reminded": notice.reminded,
        "made_at": notice.made_at.isoformat(),
        "recipients": recipients,
        "link": message.link,
    }
