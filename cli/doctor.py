"""`onething doctor`: what is wrong with this installation, and the command that mends each thing."""

import shlex
import socket
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, duration, is_colourful, moment, say, show, show_json
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from datetime import date

    from store.database import Database

Level = Literal["ok", "warning", "failed"]

OUTBOX_OLDEST: Final = timedelta(seconds=60)
"""A relay empties it in milliseconds; what is older than this is stuck, or nobody relays."""
NOTICES_OLDEST: Final = timedelta(minutes=1)
"""A reminder of a limit of half an hour is of no use when it comes much later."""
CLOCKS_DIFFER_BY: Final = timedelta(seconds=2)
GRANTS_END_WITHIN: Final = timedelta(days=30)
"""An application goes through two offices."""
ANSWERS_WITHIN_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `fix` is a command, or what a person has to do."""

    level: Level
    about: str
    zh: str
    en: str
    fix: str | None = None


def doctor(as_json: AsJson = False, plain: Plain = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething doctor
      onething doctor --json | jq '.[] | select(.level != "ok")'

    逐项检查, 每个问题附修复命令 · Look at everything this installation needs; each finding names the command that
    mends it. Exit code 1 when something has failed; warnings alone leave 0. Changes nothing.
    """
    adopt(state)
    findings = list(examine(datetime.now(UTC), state))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    elif plain:
        show(*("\t".join((f.level, f.about, f.en, f.fix or "")) for f in findings))
    else:
        colours = {"ok": "32", "warning": "33", "failed": "31"} if _colour() else {}
        marks = {"ok": "✓", "warning": "!", "failed": "✗"}
        for finding in findings:
            mark = marks[finding.level]
            mark = f"\033[{colours[finding.level]}m{mark}\033[0m" if colours else mark
            show(f"{mark} {finding.zh} · {finding.en}")
            if finding.fix is not None:
                show(f"    → {finding.fix}")
    failed = sum(finding.level == "failed" for finding in findings)
    warned = sum(finding.level == "warning" for finding in findings)
    if failed:
        raise Leave(Exit.FAILED, f"{failed} 项有问题 failed, {warned} 项提醒 warning(s).")
    say(f"正常 In order, {warned} 项提醒 warning(s)." if warned else "一切正常 Everything is in order.")


def examine(at: datetime, state: Path | None = None) -> Iterator[Finding]:
    """Every finding, the most basic first; what cannot be looked at without an earlier thing is left out."""
    yield from _key_files()
    with open_database() as database:
        yield from _with_database(database, at)
    yield from _temporal()
    yield from _gateways()
    yield from _api(state)
    yield from calendar_findings(at)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _key_files() -> Iterator[Finding]:
    from store.keys import KeyRing, read_key
    from store.settings import StoreSettings
    from workers.settings import WorkerSettings

    store, worker = StoreSettings(), WorkerSettings()
    for name, file, read in (
        ("vault_keys_file", store.vault_keys_file, KeyRing.from_file),
        ("lookup_key_file", store.lookup_key_file, read_key),
        ("payload_keys_file", worker.payload_keys_file, KeyRing.from_file),
    ):
        yield _key_file(name, file, read)
    for password in (store.database_password_file, store.migrator_password_file):
        if password is not None and (loose := _too_open(password)) is not None:
            yield loose


def _key_file(name: str, file: Path, read: Callable[[Path], object]) -> Finding:
    from store.keys import KeyRingFaulty

    try:
        read(file)
    except KeyRingFaulty as fault:
        return Finding(
            "failed", name, f"密钥文件 {file} 不可用", f"the key file cannot be used: {fault}",
            f"从备份恢复 restore it from the backup; 首次安装 at the first installation:"
            f" onething vault new-keys {shlex.quote(str(file.parent))}",
        )  # fmt: skip
    return _too_open(file) or Finding("ok", name, f"密钥文件 {file.name} 可用", f"key file {file.name} is readable")


def _too_open(file: Path) -> Finding | None:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as fault:
        return Finding(
            "failed", file.name, f"{file} 无法读取", f"{file} cannot be read: {fault.strerror}",
            f"ls -l {shlex.quote(str(file))}",
        )  # fmt: skip
    if not mode & 0o077 or str(file).startswith("/run/secrets/"):
        return None
    return Finding(
        "warning", file.name, f"{file} 可被他人读取", f"{file} can be read by others ({mode:o})",
        f"chmod 600 {shlex.quote(str(file))}",
    )  # fmt: skip


# ── the database ────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_database(database: "Database", at: datetime) -> Iterator[Finding]:
    from store import schema
    from store.database import CannotConnect

    try:
        stands = schema.status(database.conninfo())
    except (CannotConnect, OSError) as fault:
        yield Finding(
            "failed", "database", "数据库连接不上", f"the database cannot be reached: {fault}",
            "onething demo   (正式环境 in production: onething config show, ONETHING_DATABASE_URL)",
        )  # fmt: skip
        return
    yield Finding("ok", "database", "数据库可以连接", "the database answers")
    if not stands.up_to_date:
        yield Finding(
            "failed", "schema", f"表结构为 {stands.current}, 需要 {stands.head}",
            f"the schema is at {stands.current}, this version needs {stands.head}", "onething db upgrade",
        )  # fmt: skip
        return
    yield Finding("ok", "schema", f"表结构为最新 {stands.head}", f"the schema is up to date ({stands.head})")
    yield from _rights(database)
    yield from _clock(database)
    yield from _outbox(database, at)
    yield from _notices(database, at)
    yield from _breakers(database)
    yield from _accounts(database)
    yield from _listing(database, at)
    yield from _grants(database, at)
    yield from _old_keys(database)


def _rights(database: "Database") -> Iterator[Finding]:
    from sqlalchemy import text

    from store.tables import APPEND_ONLY

    question = text("SELECT has_table_privilege(current_user, :t, 'UPDATE, DELETE, TRUNCATE')")
    with database.reading() as connection:
        loose = [t.name for t in APPEND_ONLY if connection.execute(question, {"t": t.name}).scalar_one()]
    if loose:
        names = ", ".join(loose)
        yield Finding(
            "failed", "rights", f"应用角色可以修改 {names}", f"the application's role may change {names}",
            "onething db upgrade",
        )  # fmt: skip
    else:
        yield Finding("ok", "rights", "应用角色不能改动事件", "the application's role cannot change what happened")


def _clock(database: "Database") -> Iterator[Finding]:
    from sqlalchemy import text

    with database.reading() as connection:
        before = datetime.now(UTC)
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        ours = before + (datetime.now(UTC) - before) / 2
    differ = abs(theirs - ours)
    if differ > CLOCKS_DIFFER_BY:
        yield Finding(
            "warning", "clock", f"本机与数据库时钟相差 {duration(differ)}",
            f"this machine's clock and the database's differ by {duration(differ)}", "timedatectl set-ntp true",
        )  # fmt: skip
    else:
        yield Finding("ok", "clock", "时钟一致", "the clocks agree")


def _outbox(database: "Database", at: datetime) -> Iterator[Finding]:
    from store.outbox import level

    with database.reading() as connection:
        waiting = level(connection)
    age = timedelta() if waiting.oldest is None else at - waiting.oldest
    if age > OUTBOX_OLDEST:
        yield Finding(
            "failed", "outbox", f"发件箱积压 {waiting.rows} 条, 最早 {duration(age)} 前",
            f"{waiting.rows} row(s) wait in the outbox, the oldest for {duration(age)}: nobody relays, or Temporal is away",
            "onething worker --only relay",
        )  # fmt: skip
    else:
        yield Finding("ok", "outbox", f"发件箱 {waiting.rows} 条", f"{waiting.rows} row(s) in the outbox")


def _notices(database: "Database", at: datetime) -> Iterator[Finding]:
    from store.notices import level
    from store.undelivered import refused_level

    with database.reading() as connection:
        unsent = level(connection)
        refused = refused_level(connection)
    age = timedelta() if unsent.oldest is None else at - unsent.oldest
    if age > NOTICES_OLDEST:
        yield Finding(
            "warning", "notices", f"{unsent.rows} 条提醒未送达, 最早 {duration(age)} 前",
            f"{unsent.rows} notice(s) are unsent, the oldest for {duration(age)}: nobody sends, or the receiver is away",
            "onething worker --only relay   (接收方 the receiver: onething config show, ONETHING_NOTICES_URL)",
        )  # fmt: skip
    else:
        yield Finding("ok", "notices", f"提醒待送 {unsent.rows} 条", f"{unsent.rows} notice(s) to send")
    if refused.oldest is not None:
        yield Finding(
            "warning", "refused notices", f"{refused.rows} 条提醒被接收方拒收, 不再发送, 最早 {duration(at - refused.oldest)} 前",
            f"{refused.rows} notice(s) were refused by the receiver and are sent no more, the oldest"
            f" {duration(at - refused.oldest)} ago",
            "onething notice retry --all   (先看原因 first see why: onething notice list)",
        )  # fmt: skip


def _breakers(database: "Database") -> Iterator[Finding]:
    from store.breakers import all_breakers

    with database.reading() as connection:
        paused = [one for one in all_breakers(connection) if one.paused_since is not None]
    for one in paused:
        since = moment(one.paused_since)
        if one.paused_by is not None:
            yield Finding(
                "warning", "breaker", f"{one.service} 自 {since} 起由 {one.paused_by} 暂停",
                f"{one.service} was paused by {one.paused_by} at {since}",
                f"科长恢复 a supervisor resumes it: POST /api/v1/departments/{one.service}/resume",
            )  # fmt: skip
        else:
            yield Finding(
                "warning", "breaker", f"{one.service} 自 {since} 起连续失败, 已自动暂停 ({one.fault})",
                f"{one.service} keeps failing and is paused since {since} ({one.fault})",
                f"自动重试于 it is tried again by itself at {moment(one.next_try_at)}",
            )  # fmt: skip
    if not paused:
        yield Finding("ok", "breaker", "没有暂停的部门", "no department is paused")


def _accounts(database: "Database") -> Iterator[Finding]:
    from sqlalchemy import func, select

    from store.duty import divisions_without_caseworker
    from store.tables import accounts

    with database.reading() as connection:
        many = connection.execute(select(func.count()).where(accounts.c.disabled_at.is_(None))).scalar_one()
        without = divisions_without_caseworker(connection)
    if not many:
        yield Finding(
            "failed", "accounts", "还没有账号", "there is no account, so nobody can sign in",
            "onething account add NAME --role caseworker --unit UNIT --unit-title TITLE --division 330782",
        )  # fmt: skip
        return
    yield Finding("ok", "accounts", f"{many} 个账号", f"{many} accounts")
    if without:
        places = ", ".join(without)
        yield Finding(
            "warning", "accounts", f"{places} 没有经办人, 存疑的证明无人认定",
            f"{places}: no caseworker, there or for the city, so nobody can decide on a doubtful proof",
            "onething account add NAME --role caseworker --unit UNIT",
        )  # fmt: skip


def _listing(database: "Database", at: datetime) -> Iterator[Finding]:
    from domain.catalogue import catalogue, demands_too_much
    from domain.time_limits import in_shanghai
    from store.listing import lines_to_export, listed

    today = in_shanghai(at).date()
    with database.reading() as connection:
        lines = listed(connection, today)
        ahead = lines_to_export(connection, today)
    if not lines:
        yield Finding(
            "warning", "listing", "证明事项清单为空, 任何证明都不会被拒收",
            "the listing of proofs is empty: no bundle is refused, and no unit can ask for a single proof",
            "onething catalogue import FILE --apply",
        )  # fmt: skip
        return
    refused = demands_too_much(catalogue().all_in_force(today), lines, today)
    for bundle, sentences in refused.items():
        for sentence in sentences:
            zh, _, en = sentence.partition(" · ")
            yield Finding(
                "failed", "listing", f"{bundle} 不能受理: {zh}", f"no case of {bundle} can be filed: {en}",
                f"修改声明 or amend domain/bundles/{bundle}.py, 或更新清单 or the listing: onething catalogue import",
            )  # fmt: skip
    stops = [stop for stop in catalogue().stops(ahead, today) if stop.code not in refused]
    for stop in stops:
        yield Finding(
            "warning", "listing", stop.zh, stop.en,
            f"在此之前修改声明 before that day amend domain/bundles/{stop.code}.py, 或更新清单 or the listing:"
            " onething catalogue import",
        )  # fmt: skip
    if not refused and not stops:
        yield Finding(
            "ok", "listing", f"证明事项清单 {len(lines)} 项, 一件事均在清单内",
            f"{len(lines)} proofs are listed, and every bundle keeps to them",
        )  # fmt: skip


def _grants(database: "Database", at: datetime) -> Iterator[Finding]:
    from domain.catalogue import catalogue
    from domain.grants import day_of
    from store.grants import lacking, lacking_ahead, lacking_for_single_proofs, running_out
    from workers.settings import WorkerSettings

    bundles = catalogue().all_in_force(day_of(at))
    with database.reading() as connection:
        lack = [*lacking(connection, bundles, at), *lacking_for_single_proofs(connection, at)]
        ahead = lacking_ahead(connection, bundles, WorkerSettings().scan_districts, at)
        ending = running_out(connection, at, GRANTS_END_WITHIN)
    for one in lack:
        registers = ", ".join(one.sources)
        yield Finding(
            "warning", "grants", f"{one.unit} 办理 {one.bundle} 无权查询 {registers}; 相关证明须人工核实",
            f"{one.unit} may not query {registers} for {one.bundle}; a person has to settle those proofs",
            f"onething grant apply {' '.join(one.sources)} --bundle {one.bundle} --by ACCOUNT --reason TEXT --signed"
            "   (再由数据中心批准 then: onething grant approve)",
        )  # fmt: skip
    for one in ahead:
        registers = ", ".join(one.sources)
        yield Finding(
            "warning", "grants", f"{one.unit} 就 {one.bundle} 无权查询 {registers}; 到龄人员的办件无法主动开办或须人工核实",
            f"{one.unit} may not query {registers} for {one.bundle}: whoever is found has no case opened, or a person"
            " has to settle its proofs",
            f"onething grant apply {' '.join(one.sources)} --bundle {one.bundle} --by ACCOUNT --reason TEXT --signed"
            "   (再由数据中心批准 then: onething grant approve)",
        )  # fmt: skip
    for grant in ending:
        yield Finding(
            "warning", "grants", f"{grant.unit} 查询 {grant.source} ({grant.purpose}) 的权限至 {grant.valid_until} 到期",
            f"the grant of {grant.unit} to query {grant.source} ({grant.purpose}) ends with {grant.valid_until}",
            f"onething grant apply {grant.source} --bundle {shlex.quote(grant.purpose)} --by ACCOUNT --reason TEXT --signed"
            "   (再由数据中心批准 then: onething grant approve)",
        )  # fmt: skip
    if not lack and not ahead and not ending:
        yield Finding("ok", "grants", "数据权限齐备", "every unit may query what its bundles need")


def _old_keys(database: "Database") -> Iterator[Finding]:
    from sqlalchemy import func, select

    from store.keys import KeyRing, KeyRingFaulty
    from store.settings import StoreSettings
    from store.tables import vault_keys

    try:
        ring = KeyRing.from_file(StoreSettings().vault_keys_file)
    except KeyRingFaulty:
        return
    with database.reading() as connection:
        rows = connection.execute(
            select(vault_keys.c.key_id, func.count().label("many"))
            .where(vault_keys.c.wrapped.is_not(None))
            .group_by(vault_keys.c.key_id)
        )
        wrapped: dict[str, int] = {row.key_id: row.many for row in rows}
    if lost := {key: count for key, count in wrapped.items() if key not in ring.keys}:
        yield Finding(
            "failed", "vault", f"密钥 {', '.join(lost)} 不在密钥文件中, {sum(lost.values())} 人的信息无法读取",
            f"the ring lacks {', '.join(lost)}: the data of {sum(lost.values())} owner(s) cannot be read",
            f"从备份恢复该行 put the line back into {shlex.quote(str(StoreSettings().vault_keys_file))}",
        )  # fmt: skip
    elif old := sum(count for key, count in wrapped.items() if key != ring.current):
        yield Finding(
            "warning", "vault", f"{old} 把数据密钥仍用旧密钥包裹", f"{old} data key(s) are still wrapped with an old key",
            "onething vault rewrap",
        )  # fmt: skip
    else:
        yield Finding("ok", "vault", "数据密钥均用现行密钥包裹", "all data keys are wrapped with the current key")


# ── the others ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _temporal() -> Iterator[Finding]:
    from workers.settings import WorkerSettings

    address = WorkerSettings().temporal_address
    host, _, port = address.rpartition(":")
    if _listens(host or "127.0.0.1", int(port)):
        yield Finding("ok", "temporal", f"Temporal 在 {address} 应答", f"Temporal answers at {address}")
    else:
        yield Finding(
            "failed", "temporal", f"Temporal 在 {address} 无应答; 收件不受影响, 办理停顿",
            f"nothing answers at {address}; applications are still taken in, but nothing moves",
            "onething demo   (正式环境 in production: docker compose up --detach temporal)",
        )  # fmt: skip


def _gateways() -> Iterator[Finding]:
    from urllib.parse import urlsplit

    from activities.settings import GatewaySettings

    settings = GatewaySettings()
    for name, zh, url in (
        ("shared_data", "数据共享平台", settings.shared_data_url),
        ("departments", "部门系统", settings.departments_url),
    ):
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.hostname and _listens(parts.hostname, port):
            yield Finding("ok", name, f"{zh}可以连接", f"{name} answers at {url}")
        else:
            yield Finding(
                "warning", name, f"{zh} {url} 连接不上; 办件将等待", f"{name} at {url} cannot be reached; cases wait for it",
                f"onething config show   (ONETHING_{name.upper()}_URL)",
            )  # fmt: skip


def _api(state: Path | None) -> Iterator[Finding]:
    import urllib.error
    import urllib.request

    from cli.service import api_url_of

    url = api_url_of(state)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    began = time.monotonic()
    try:
        with direct.open(f"{url}/readyz", timeout=ANSWERS_WITHIN_SECONDS):
            took = time.monotonic() - began
        yield Finding("ok", "api", f"接口 {url} 就绪", f"the API at {url} is ready ({took * 1000:.0f} ms)")
    except urllib.error.HTTPError as fault:
        with fault:
            yield Finding(
                "failed", "api", f"接口 {url} 未就绪 ({fault.code})", f"the API at {url} is not ready ({fault.code})",
                f"curl {url}/readyz",
            )  # fmt: skip
    except OSError:
        yield Finding("warning", "api", f"接口 {url} 无应答", f"no API answers at {url}", "onething serve")


def calendar_findings(at: datetime) -> Iterator[Finding]:
    """Whether the longest promise made today ends in a year whose working days are known."""
    from domain.catalogue import catalogue
    from domain.law.calendar import CalendarNotShipped, shipped_years
    from domain.time_limits import SHANGHAI, describe, last_day

    today: date = at.astimezone(SHANGHAI).date()
    latest = shipped_years()[-1]
    limits = [
        limit
        for bundle in catalogue().all_in_force(today)
        for item in bundle.items
        for limit in (item.promised_limit, item.statutory_limit)
        if limit is not None
    ]
    beyond = []
    for limit in limits:
        try:
            last_day(at, limit)
        except CalendarNotShipped:
            beyond.append(limit)
    missing = today.year if latest < today.year else today.year + 1
    fix = (
        f"升级 upgrade onething, 或将国务院 {missing} 年放假通知写入 or write the State Council's notice for {missing} into"
        " domain/law/calendar.py"
    )
    if latest >= today.year + 1:
        yield Finding("ok", "calendar", f"工作日历已到 {latest} 年", f"the calendar of working days reaches {latest}")
    elif beyond:
        longest = ", ".join(sorted({describe(limit, "en") for limit in beyond}))
        yield Finding(
            "failed" if latest < today.year else "warning", "calendar",
            f"没有 {missing} 年的工作日历, 而今天作出的承诺已跨年, 到期日待定",
            f"the working days of {missing} are not known, and promises made today already reach them ({longest}):"
            " their dates stay open",
            fix,
        )  # fmt: skip
    else:
        reaches = _first_day_that_reaches(today, limits)
        yield Finding(
            "warning" if reaches - today <= timedelta(days=60) else "ok", "calendar",
            f"没有 {missing} 年的工作日历; 自 {reaches} 起的承诺将跨年",
            f"the working days of {missing} are not known; promises reach them from {reaches} on",
            fix if reaches - today <= timedelta(days=60) else None,
        )  # fmt: skip


def _first_day_that_reaches(today: "date", limits: "Sequence[Limit]") -> "date":
    from domain.law.calendar import CalendarNotShipped
    from domain.time_limits import SHANGHAI, last_day

    day = today
    while day.year == today.year:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)
        try:
            for limit in limits:
                last_day(noon, limit)
        except CalendarNotShipped:
            return day
        day += timedelta(days=1)
    return day


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=ANSWERS_WITHIN_SECONDS):
            return True
    except OSError:
        return False


def _colour() -> bool:
    import sys

    return is_colourful(sys.stdout)


if TYPE_CHECKING:
    from domain.time_limits import Limit
