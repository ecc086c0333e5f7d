"""The city's listing of 270 proofs, settled in four announcements as 义乌 did in 2018: 70, 57, 59 and 84.

What the bundles demand stands first, by the codes that they use; the papers that the reports of the time
tell about follow; the rest is made of whom and what such papers used to be about.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from domain.actors import THE_ENGINE
from domain.bundle import DepartmentVerification, Proof, SharedDataQuery
from domain.catalogue import catalogue
from domain.departments import REGISTERS
from domain.listing import ListedProof, ListedRoute, ListingFile
from store.listing import apply
from store.tables import proof_listing


class Announcement(NamedTuple):
    """One batch: how its proofs are settled, since when, and how many there are."""

    route: ListedRoute
    since: date
    proofs: int


ANNOUNCEMENTS: Final = (
    Announcement(ListedRoute.CANCELLED, date(2018, 4, 22), 70),
    Announcement(ListedRoute.COMMITMENT, date(2018, 5, 31), 57),
    Announcement(ListedRoute.DEPARTMENT_VERIFICATION, date(2018, 6, 22), 59),
    Announcement(ListedRoute.SHARED_DATA, date(2018, 7, 17), 84),
)
CASES_A_YEAR: Final = 445_000
"""In all, as counted for 2017."""
LISTING_ACT: Final = "优化营商环境条例 44"


class Paper(NamedTuple):
    """A paper that used to be asked for."""

    code: str
    title: str
    title_en: str
    issued_by: str
    collected_by: tuple[str, ...] = ("民政部门",)
    source: str | None = None
    immediate: bool = False
    basis: str = LISTING_ACT
    reason_kept: str = ""
    what: str = ""
    """What it is about, of those that are made of whom and what."""


RELATIONS: Final = frozenset({"father_child_relation", "parents_marriage", "paternity", "kinship", "marriage_entry"})
"""What is about two people: of papers by their code, of the rest by what they are about."""

TOLD: Final = {
    ListedRoute.CANCELLED: (
        Paper("consent_of_new_village", "落户村同意迁入证明", "New village's consent", "township", ("公安派出所",)),
        Paper("ashes_laid_to_rest", "骨灰安放证明", "Where ashes are laid", "township", ("殡仪馆",)),
        Paper("being_unemployed", "无业证明", "Being without work", "township", ("人力社保窗口",)),
        Paper("being_a_student", "在校证明", "Being a student", "township", ("人力社保窗口",)),
        Paper("voluntary_work", "义务劳动证明", "Voluntary work", "township", ("学校",)),
        Paper("being_alive", "健在证明", "Being alive", "township", ("人力社保窗口",)),
        Paper("home_already_titled", "已有产权证的房屋权属证明", "Ownership of a titled home", "township", ("银行",)),
    ),
    ListedRoute.COMMITMENT: (
        Paper("school_roll", "学籍证明", "School roll", "township", ("学校",)),
        Paper("name_corrected", "姓名更正证明", "Correction of a name", "public_security", ("银行",)),
        Paper("use_of_premises", "住所(经营场所)使用证明", "Use of premises", "market_regulation", ("市场监管窗口",)),
        Paper(
            "teachers_conduct", "教师思想品德证明", "Teacher's conduct", "township", ("教育窗口",),
            basis="教师资格条例 15", reason_kept="国务院条例规定须提交, 改为本人填表, 不再盖章",
        ),
    ),
    ListedRoute.DEPARTMENT_VERIFICATION: (
        Paper(
            "father_child_relation", "父子(女)关系证明", "Father and child", "public_security", ("银行", "公证机构"),
            immediate=True, reason_kept="早年户籍未全部归集, 由公安查档核验",
        ),
        Paper("no_criminal_record", "无犯罪记录证明", "No criminal record", "public_security", ("教育窗口",)),
        Paper("identity_changed", "身份信息变更证明", "Change of identity entries", "public_security", ("银行",)),
        Paper("adopters_children", "收养人子女情况证明", "Adopter's children", "health", ("民政部门",)),
    ),
    ListedRoute.SHARED_DATA: (
        Paper("residence_permit", "居住证", "Residence permit", "public_security", ("银行", "学校")),
        Paper("death_of_citizen", "公民死亡证明", "Death of a citizen", "health", ("民政部门", "银行")),
        Paper("taxes_paid_by_company", "企业纳税情况证明", "Taxes paid by a company", "tax", ("市场监管窗口",)),
        Paper("company_archive", "企业档案查询证明", "Company archive", "market_regulation", ("银行", "公证机构")),
    ),
}  # fmt: skip

WHOSE: Final = (
    ("applicants", "申请人", "applicant"),
    ("spouses", "配偶", "spouse"),
    ("childs", "子女", "child"),
    ("fathers", "父亲", "father"),
    ("mothers", "母亲", "mother"),
    ("householders", "户主", "householder"),
    ("guardians", "监护人", "guardian"),
    ("tenants", "承租人", "tenant"),
    ("survivors", "遗属", "survivor"),
    ("representatives", "法定代表人", "legal representative"),
)
ABOUT: Final = {
    ListedRoute.CANCELLED: (
        ("living_conditions", "生活状况", "living conditions", "township", None),
        ("conduct", "日常表现", "conduct", "township", None),
        ("family_members", "家庭成员", "family members", "township", None),
        ("address_confirmed", "现住址", "present address", "township", None),
        ("occupation", "职业情况", "occupation", "employer", None),
        ("same_person", "同一人", "one and the same name", "township", None),
        ("lost_papers", "证件遗失", "loss of papers", "public_security", None),
    ),
    ListedRoute.COMMITMENT: (
        ("income", "收入", "income", "employer", None),
        ("employment", "在职", "employment", "employer", None),
        ("only_home", "家庭唯一住房", "only home", "township", None),
        ("no_dispute", "无权属纠纷", "freedom from disputes", "township", None),
        ("seniority", "工作年限", "years of service", "employer", None),
        ("unmarried_state", "未婚", "being unmarried", "civil_affairs", None),
    ),
    ListedRoute.DEPARTMENT_VERIFICATION: (
        ("former_household", "历史户籍", "former household", "public_security", None),
        ("kinship", "亲属关系", "kinship", "public_security", None),
        ("personnel_file", "人事档案", "personnel file", "human_resources", None),
        ("hospital_stay", "住院情况", "stay in hospital", "hospital", None),
        ("hardship", "生活困难", "hardship", "civil_affairs", None),
        ("older_marriage", "早年婚姻登记", "older marriage entry", "civil_affairs", None),
    ),
    ListedRoute.SHARED_DATA: (
        ("household_entry", "户籍", "household entry", "public_security", "household_register"),
        ("identity_entry", "身份信息", "identity entry", "public_security", "identity_register"),
        ("marriage_entry", "婚姻登记", "marriage entry", "civil_affairs", "marriage_register"),
        ("insurance", "社会保险参保", "social insurance", "healthcare_security", "insured_persons"),
        ("travel_papers", "出入境证件", "travel papers", "public_security", "exit_entry_records"),
        ("housing_fund", "住房公积金缴存", "housing fund", "housing_fund", None),
        ("low_income", "低保", "low-income status", "civil_affairs", None),
        ("pension_payments", "养老金领取", "pension payments", "human_resources", None),
    ),
}  # fmt: skip
COLLECTORS: Final = ("银行", "学校", "民政部门", "人力社保窗口", "公安派出所", "市场监管窗口", "公证机构")


def provide_listing(connection: Connection, at: datetime) -> None:
    """Add the lines of proofs that were never listed; whoever has imported others keeps them."""
    known = set(connection.execute(select(proof_listing.c.code).distinct()).scalars())
    lines = enumerate((line for line in listing() if line.code not in known), start=2)
    apply(connection, ListingFile(tuple(lines), ()), THE_ENGINE, at)


def listing() -> tuple[ListedProof, ...]:
    """All 270 lines, in the order of the announcements."""
    lines = [
        ListedProof(
            code=paper.code,
            title=paper.title,
            title_en=paper.title_en,
            route=announcement.route,
            basis=paper.basis,
            collected_by=paper.collected_by,
            issued_by=paper.issued_by,
            source=paper.source,
            immediate=paper.immediate,
            yearly_volume=120 + (number * 7_919) % 2_600,
            batch=batch,
            effective_from=announcement.since,
            reason_kept=paper.reason_kept,
            about_two=not RELATIONS.isdisjoint((paper.code, paper.what)),
        )
        for batch, announcement in enumerate(ANNOUNCEMENTS, start=1)
        for number, paper in enumerate(_papers(announcement), start=batch)
    ]
    missing = CASES_A_YEAR - sum(line.yearly_volume for line in lines)
    # The commonest of all makes up the sum: the household entry, which everybody asked for.
    return tuple(
        line.model_copy(update={"yearly_volume": line.yearly_volume + missing})
        if line.code == "applicants_household_entry"
        else line
        for line in lines
    )


def _papers(announcement: Announcement) -> Iterator[Paper]:
    """As many as were announced: what bundles demand, what is told of, and then who and what in turn."""
    route, left = announcement.route, announcement.proofs
    first = [*_demanded(route), *TOLD[route]]
    yield from first
    left -= len(first)
    taken = {paper.title for paper in first}
    pairs = ((whose, about) for about in ABOUT[route] for whose in WHOSE if _titled(whose[1], about[1]) not in taken)
    for number, ((code, zh, en), (what, about_zh, about_en, department, source)) in zip(
        range(left), pairs, strict=False
    ):
        yield Paper(
            f"{code}_{what}",
            _titled(zh, about_zh),
            f"{about_en} of the {en}".capitalize(),
            department,
            tuple(dict.fromkeys((COLLECTORS[number % 7], COLLECTORS[number * 3 % 7]))),
            source,
            what=what,
        )


def _titled(whose: str, about: str) -> str:
    return f"{whose}{about}证明"


def _demanded(route: ListedRoute) -> Iterator[Paper]:
    """What the bundles demand and is settled by this route: a register where one is asked, else the department."""
    seen: set[str] = set()
    for bundle in catalogue():
        for code, proof in bundle.proofs().items():
            source = _register(proof)
            settled = ListedRoute.SHARED_DATA if source else ListedRoute.DEPARTMENT_VERIFICATION
            if code in seen or settled is not route or code in {paper.code for told in TOLD.values() for paper in told}:
                continue
            seen.add(code)
            yield Paper(
                code,
                f"{proof.title}证明",
                proof.title_en,
                REGISTERS[source].kept_by if source else _verified_by(proof) or bundle.lead_department,
                ("联办窗口",),
                source,
                basis=proof.basis,
            )


def _register(proof: Proof) -> str | None:
    return next((route.source for route in proof.routes if isinstance(route, SharedDataQuery)), None)


def _verified_by(proof: Proof) -> str | None:
    return next((route.department for route in proof.routes if isinstance(route, DepartmentVerification)), None)
