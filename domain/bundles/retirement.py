"""退休一件事: what a worker's retirement sets in motion, found ahead, computed ahead, and confirmed once.

Lanxi's joint platform (seed 002): entitlement is recognised on one platform, the filled-in form goes
out a month ahead and is only confirmed, the last contribution is collected, and the pension is paid
on time. Law: 国务院关于渐进式延迟法定退休年龄的办法; 人社部发〔2024〕94号; 社会保险经办条例 18;
住房公积金管理条例 24-25.
"""

from datetime import date

from domain.bundle import (
    Act,
    Agrees,
    AtRetirementAge,
    BornBefore,
    Bundle,
    Choice,
    Circumstance,
    CommunityCheck,
    Confirmation,
    DepartmentVerification,
    Discovery,
    Entitle,
    Escalation,
    Fact,
    FieldKind,
    FormField,
    FromForm,
    FromProof,
    Holds,
    Is,
    Item,
    Lawful,
    Milestone,
    Prefilled,
    Preview,
    Product,
    Proof,
    Section,
    SharedDataQuery,
)
from domain.time_limits import days, working_days

EMPLOYED = Is(field="insurance.employed", among=("true",))

INSURANCE = Section(
    code="insurance",
    title="参保与退休时间",
    title_en="Insurance and retirement",
    fields=(
        FormField(
            code="category",
            title="人员类别",
            title_en="Category",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="M60", title="男职工", title_en="Men"),
                Choice(code="F55", title="原五十五周岁女职工", title_en="Women whose age was 55"),
                Choice(code="F50", title="原五十周岁女职工", title_en="Women whose age was 50"),
            ),
        ),
        FormField(code="born_in", title="出生年月", title_en="Month of birth", kind=FieldKind.MONTH),
        FormField(
            code="choice",
            title="退休时间选择",
            title_en="Choice",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="statutory", title="法定退休年龄", title_en="At the statutory age"),
                Choice(code="early", title="弹性提前退休", title_en="Earlier"),
                Choice(code="late", title="弹性延迟退休", title_en="Later"),
            ),
        ),
        FormField(code="retires_on", title="退休时间", title_en="Retires on", kind=FieldKind.MONTH),
        FormField(
            code="contribution_months",
            title="缴费月数",
            title_en="Months of contributions",
            kind=FieldKind.COUNT,
            at_most=720,
        ),
        FormField(code="deemed_years", title="有视同缴费年限", title_en="Deemed years", kind=FieldKind.YES_NO),
        FormField(code="employed", title="单位在职", title_en="Employed", kind=FieldKind.YES_NO),
        FormField(
            code="housing_fund", title="有住房公积金账户", title_en="Housing fund account", kind=FieldKind.YES_NO
        ),
    ),
)

RETIREE = Section(
    code="retiree",
    title="退休人员",
    title_en="The person who retires",
    person=True,
    fields=(
        FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
        FormField(code="citizen_id", title="公民身份号码", title_en="Citizen ID number", kind=FieldKind.CITIZEN_ID),
        FormField(code="phone", title="手机号码", title_en="Phone", kind=FieldKind.PHONE, required=False),
        FormField(code="account", title="银行账号", title_en="Bank account", kind=FieldKind.ACCOUNT, required=False),
        FormField(
            code="residence",
            title="现居住社区",
            title_en="Community of residence",
            kind=FieldKind.TEXT,
            at_most=60,
            required=False,
        ),
    ),
)

EMPLOYER = Section(
    code="employer",
    title="用人单位",
    title_en="Employer",
    only_if=(EMPLOYED,),
    fields=(
        FormField(code="name", title="单位名称", title_en="Name", kind=FieldKind.TEXT, at_most=100),
        FormField(code="uscc", title="统一社会信用代码", title_en="Unified social credit code", kind=FieldKind.USCC),
    ),
)

_BY_CITIZEN_ID = (Fact(name="citizen_id", origin=FromForm(field="retiree.citizen_id")),)
_SAME_NAME = Agrees(answer="name", field="retiree.name")
_SHOWN = ("retiree.name", "retiree.citizen_id")
_COMMUNITY = (FromForm(field="retiree.residence"), FromProof(proof="retiree_household", answer="community_code"))

RETIREE_IDENTITY = Proof(
    code="retiree_identity",
    title="退休人员身份",
    title_en="Identity of the person",
    basis="居民身份证法 13",
    routes=(
        SharedDataQuery(
            source="identity_register",
            by=_BY_CITIZEN_ID,
            agrees=(_SAME_NAME,),
        ),
        DepartmentVerification(department="public_security", shows=_SHOWN),
        CommunityCheck(community=_COMMUNITY, shows=_SHOWN),
        Escalation(),
    ),
)

RETIREE_HOUSEHOLD = Proof(
    code="retiree_household",
    title="退休人员户籍",
    title_en="Household of the person",
    basis="户口登记条例 7",
    routes=(
        SharedDataQuery(source="household_register", by=_BY_CITIZEN_ID, agrees=(_SAME_NAME,)),
        DepartmentVerification(department="public_security", shows=_SHOWN),
        Escalation(),
    ),
)

CONTRIBUTIONS = Proof(
    code="contributions",
    title="养老保险缴费记录",
    title_en="Contribution record",
    basis="社会保险法 16; 退休办法 2",
    routes=(
        SharedDataQuery(
            source="pension_records",
            by=_BY_CITIZEN_ID,
            agrees=(
                _SAME_NAME,
                Agrees(answer="category", field="insurance.category"),
                # By the ID card and by the file: where they disagree, one contradicts whatever was declared, and the
                # file counts (劳社部发〔1999〕8号) once somebody has looked into it.
                Agrees(answer="born_in", field="insurance.born_in"),
                Agrees(answer="born_in_file", field="insurance.born_in"),
                Agrees(answer="contribution_months", field="insurance.contribution_months"),
            ),
            holds=(
                Holds(answer="arrears", among=("none",)),
                Holds(answer="places", among=("1",)),
                Holds(answer="state", among=("active",)),
            ),
        ),
        DepartmentVerification(
            department="human_resources",
            shows=(*_SHOWN, "insurance.category", "insurance.born_in", "insurance.contribution_months"),
        ),
        Escalation(),
    ),
)

FINAL_RECORD = Proof(
    code="final_record",
    title="退休当月缴费记录",
    title_en="Contribution record at retirement",
    basis="社会保险经办条例 18",
    not_before="retires",
    routes=(
        SharedDataQuery(
            source="pension_records",
            by=_BY_CITIZEN_ID,
            agrees=(_SAME_NAME,),
            # Months have passed since the first look: nobody is granted a pension who has died or has one elsewhere.
            holds=(Holds(answer="state", among=("active",)),),
        ),
        DepartmentVerification(department="human_resources", shows=_SHOWN),
        Escalation(),
    ),
)

PERSONNEL_FILE = Proof(
    code="personnel_file",
    title="人事档案",
    title_en="Personnel file",
    basis="劳社部发〔1999〕8号",
    when=("deemed_years",),
    routes=(
        DepartmentVerification(department="human_resources", shows=(*_SHOWN, "insurance.born_in")),
        Escalation(),
    ),
)

_OF_RECORD = ("contribution_months", "index", "account_balance", "index_before_1998", "months_before_1998")
_BORN_IN = Fact(name="born_in", origin=FromForm(field="insurance.born_in"))

CONFIRMED = Proof(
    code="confirmed",
    title="退休信息核对确认",
    title_en="The form as confirmed",
    basis="社会保险经办条例 18",
    not_before="form_sent",
    routes=(
        Confirmation(
            notice="您的退休信息和待遇已经预先核算, 请核对一次并确认; 有误请更正, 也可另选弹性退休时间或不办理。",
            notice_en="Your retirement has been prepared and your pension computed ahead. Check it and confirm once;"
            " correct what is wrong, choose another month within the law, or decline.",
            name="retiree.name",
            phone="retiree.phone",
            limit=days(15),
            shows=(
                "insurance.choice",
                "insurance.retires_on",
                "insurance.contribution_months",
                "retiree.name",
                "retiree.account",
            ),
            corrects=("insurance.choice", "insurance.retires_on", "retiree.account"),
            previews=Preview(
                title="月养老金(测算)",
                title_en="Monthly pension, computed ahead",
                entitlement="pension",
                on=FromForm(field="insurance.retires_on"),
                facts=(
                    *(Fact(name=name, origin=FromProof(proof="contributions", answer=name)) for name in _OF_RECORD),
                    _BORN_IN,
                ),
            ),
        ),
        CommunityCheck(community=_COMMUNITY, shows=(*_SHOWN, "insurance.retires_on")),
        Escalation(),
    ),
)

_CHOSEN_WITH_THE_EMPLOYER = (
    DepartmentVerification(
        department="human_resources",
        shows=(*_SHOWN, "employer.name", "employer.uscc", "insurance.choice", "insurance.retires_on"),
    ),
    Escalation(),
)

LATE_AGREEMENT = Proof(
    code="late_agreement",
    title="延迟退休书面约定",
    title_en="Written agreement to retire later",
    basis="人社部发〔2024〕94号",
    when=("employed", "retires_late"),
    routes=_CHOSEN_WITH_THE_EMPLOYER,
)

EARLY_NOTICE = Proof(
    code="early_notice",
    title="提前退休书面告知",
    title_en="Written notice of retiring earlier",
    basis="人社部发〔2024〕94号",
    when=("employed", "retires_early"),
    routes=_CHOSEN_WITH_THE_EMPLOYER,
)

PAYMENT_ACCOUNT = Proof(
    code="payment_account",
    title="养老金支付账户",
    title_en="Account for the pension",
    basis="社会保险经办条例 19",
    routes=(
        SharedDataQuery(
            source="payment_accounts",
            by=(*_BY_CITIZEN_ID, Fact(name="account", origin=FromForm(field="retiree.account"))),
            agrees=(_SAME_NAME,),
        ),
        CommunityCheck(community=_COMMUNITY, shows=(*_SHOWN, "retiree.account")),
        Escalation(),
    ),
)

MEDICAL_INSURANCE = Proof(
    code="medical_insurance",
    title="医疗保险参保缴费记录",
    title_en="Medical insurance record",
    basis="社会保险法 27",
    routes=(
        SharedDataQuery(
            source="medical_insurance_records",
            by=_BY_CITIZEN_ID,
            agrees=(_SAME_NAME, Agrees(answer="employer_uscc", field="employer.uscc", when=("employed",))),
            holds=(Holds(answer="state", among=("active",)),),
        ),
        DepartmentVerification(department="healthcare_security", shows=(*_SHOWN, "employer.uscc")),
        Escalation(),
    ),
)

EMPLOYER_RECORD = Proof(
    code="employer_record",
    title="用人单位参保登记",
    title_en="The employer's registration",
    basis="社会保险法 57",
    when=("employed",),
    routes=(
        SharedDataQuery(
            source="employers",
            by=(Fact(name="uscc", origin=FromForm(field="employer.uscc")),),
            agrees=(Agrees(answer="name", field="employer.name"),),
        ),
        DepartmentVerification(department="human_resources", shows=("employer.name", "employer.uscc")),
        Escalation(),
    ),
)

HOUSING_FUND = Proof(
    code="housing_fund",
    title="住房公积金账户",
    title_en="Housing fund account",
    basis="住房公积金管理条例 24",
    when=("housing_fund",),
    routes=(
        SharedDataQuery(source="housing_fund_accounts", by=_BY_CITIZEN_ID, agrees=(_SAME_NAME,)),
        DepartmentVerification(department="housing_fund", shows=_SHOWN),
        Escalation(),
    ),
)

DISCLOSED = ("retiree.name", "retiree.citizen_id")

BUNDLE = Bundle(
    code="retirement",
    title="退休一件事",
    title_en="Retirement",
    basis="国务院关于渐进式延迟法定退休年龄的办法",
    effective_from=date(2026, 1, 1),
    business="02",
    workflow_type="RetirementBundle",
    lead_department="human_resources",
    sections=(INSURANCE, RETIREE, EMPLOYER),
    applicant="retiree",
    circumstances=(
        Circumstance(
            code="employed", title="单位在职", title_en="Employed", field="insurance.employed", among=("true",)
        ),
        Circumstance(
            code="deemed_years",
            title="有视同缴费年限",
            title_en="Deemed years",
            field="insurance.deemed_years",
            among=("true",),
        ),
        # Of whoever is employed, the employer agreed in writing or was told in writing; the bureau looks at the paper.
        Circumstance(
            code="retires_late",
            title="弹性延迟退休",
            title_en="Retires later",
            field="insurance.choice",
            among=("late",),
        ),
        Circumstance(
            code="retires_early",
            title="弹性提前退休",
            title_en="Retires earlier",
            field="insurance.choice",
            among=("early",),
        ),
        # Not the same as being employed: an account of an earlier employer is sealed (封存) until it is paid out,
        # and who is insured without an employer may have opened one, or none.
        Circumstance(
            code="housing_fund",
            title="有住房公积金账户",
            title_en="Housing fund account",
            field="insurance.housing_fund",
            among=("true",),
        ),
    ),
    milestones=(
        Milestone(
            code="form_sent", title="退休前一个月", title_en="A month before", after="insurance.retires_on", months=-1
        ),
        Milestone(code="retires", title="退休当月", title_en="The month of retirement", after="insurance.retires_on"),
        Milestone(
            code="paid_from", title="首次发放月", title_en="The first payment", after="insurance.retires_on", months=1
        ),
    ),
    checks=(
        BornBefore(citizen_id="retiree.citizen_id", before="insurance.retires_on", years=45),
        Lawful(
            requirement="retirement_month",
            facts=(
                *_BY_CITIZEN_ID,
                Fact(name="category", origin=FromForm(field="insurance.category")),
                Fact(name="born_in", origin=FromForm(field="insurance.born_in")),
                Fact(name="choice", origin=FromForm(field="insurance.choice")),
                Fact(name="retires_on", origin=FromForm(field="insurance.retires_on")),
                Fact(name="contribution_months", origin=FromForm(field="insurance.contribution_months")),
            ),
        ),
    ),
    discoveries=(
        Discovery(
            code="retirement",
            title="到龄退休",
            title_en="Reaching the retirement age",
            when=AtRetirementAge(),
            months_ahead=6,
            prefilled=(
                Prefilled(field="insurance.category", answer="category"),
                Prefilled(field="insurance.born_in", answer="born_in"),
                Prefilled(field="insurance.choice", value="statutory"),
                Prefilled(field="insurance.retires_on", answer="month"),
                Prefilled(field="insurance.contribution_months", answer="contribution_months"),
                Prefilled(field="insurance.deemed_years", answer="deemed_years"),
                Prefilled(field="insurance.employed", answer="employed"),
                Prefilled(field="insurance.housing_fund", answer="housing_fund"),
                Prefilled(field="retiree.name", answer="name"),
                Prefilled(field="retiree.citizen_id", answer="citizen_id"),
                Prefilled(field="retiree.phone", answer="phone"),
                Prefilled(field="retiree.account", answer="account"),
                Prefilled(field="retiree.residence", answer="community"),
                Prefilled(field="employer.name", answer="employer_name"),
                Prefilled(field="employer.uscc", answer="employer_uscc"),
            ),
        ),
    ),
    one_case_per=(("retiree.citizen_id",),),
    items=(
        Item(
            code="file_review",
            title="退休资格审核",
            title_en="Review of the file",
            department="human_resources",
            basis="社会保险法 16",
            act=Act.REGISTER,
            promised_limit=working_days(20),
            proofs=(RETIREE_IDENTITY, RETIREE_HOUSEHOLD, CONTRIBUTIONS, PERSONNEL_FILE),
            discloses=(*DISCLOSED, "insurance.category", "insurance.born_in", "insurance.retires_on"),
        ),
        Item(
            code="confirmation",
            title="退休信息核对确认",
            title_en="Confirmation of the form",
            department="human_resources",
            basis="社会保险经办条例 18",
            act=Act.ATTEST,
            promised_limit=days(30),
            after=("file_review",),
            not_before="form_sent",
            proofs=(LATE_AGREEMENT, EARLY_NOTICE, CONFIRMED),
        ),
        Item(
            code="final_contribution",
            title="最后一个月养老保险费",
            title_en="Last contribution",
            department="tax",
            basis="社会保险法 60",
            act=Act.COMPLETE,
            promised_limit=working_days(10),
            after=("confirmation",),
            proofs=(EMPLOYER_RECORD,),
            discloses=(*DISCLOSED, "employer.uscc"),
        ),
        Item(
            code="account_check",
            title="社保卡金融账户核验",
            title_en="Check of card and account",
            department="bank",
            basis="社会保险经办条例 19",
            act=Act.COMPLETE,
            promised_limit=working_days(5),
            after=("confirmation",),
            proofs=(PAYMENT_ACCOUNT,),
            discloses=(*DISCLOSED, "retiree.account"),
        ),
        Item(
            code="pension_assessment",
            title="养老金核定",
            title_en="Assessment of the pension",
            department="human_resources",
            basis="社会保险经办条例 18: 20 个工作日",
            act=Act.GRANT,
            statutory_limit=working_days(20),
            promised_limit=working_days(5),
            after=("file_review", "confirmation", "final_contribution"),
            not_before="retires",
            proofs=(FINAL_RECORD,),
            discloses=(*DISCLOSED, "insurance.category", "insurance.born_in", "insurance.retires_on"),
            facts=(
                *(Fact(name=name, origin=FromProof(proof="final_record", answer=name)) for name in _OF_RECORD),
                _BORN_IN,
            ),
            entitle=Entitle(entitlement="pension", on=FromForm(field="insurance.retires_on")),
            produces=(
                Product(code="pension_no", title="待遇编号", title_en="Pension number", belongs_to="retiree"),
                Product(
                    code="pension",
                    title="月养老金",
                    title_en="Monthly pension",
                    kind=FieldKind.AMOUNT,
                    belongs_to="retiree",
                ),
            ),
        ),
        Item(
            code="medical_retiree_status",
            title="医保在职转退休",
            title_en="Retiree status in medical insurance",
            department="healthcare_security",
            basis="社会保险法 27",
            act=Act.REGISTER,
            promised_limit=working_days(5),
            after=("pension_assessment",),
            proofs=(MEDICAL_INSURANCE,),
            discloses=DISCLOSED,
            # Who has paid in for too few years pays the rest at once, or goes on paying: the department says which.
            facts=(
                Fact(
                    name="medical_contribution_months",
                    origin=FromProof(proof="medical_insurance", answer="contribution_months"),
                ),
            ),
        ),
        Item(
            code="housing_fund_withdrawal",
            title="住房公积金销户提取",
            title_en="Housing fund paid out",
            department="housing_fund",
            basis="住房公积金管理条例 24-25: 3 日",
            act=Act.COMPLETE,
            statutory_limit=days(3),
            promised_limit=days(3),
            when=("housing_fund",),
            after=("pension_assessment",),
            proofs=(HOUSING_FUND,),
            discloses=(*DISCLOSED, "retiree.account"),
        ),
        Item(
            code="township_handover",
            title="退休人员社会化管理",
            title_en="Handover to the township",
            department="township",
            basis="退休人员社会化管理",
            act=Act.REGISTER,
            promised_limit=working_days(10),
            after=("pension_assessment",),
            discloses=(*DISCLOSED, "retiree.residence"),
        ),
        Item(
            code="first_payment",
            title="首次发放养老金",
            title_en="First payment",
            department="human_resources",
            basis="退休次月起发放",
            act=Act.COMPLETE,
            promised_limit=days(10),
            after=("account_check",),
            not_before="paid_from",
            reads=("pension_no",),
            discloses=(*DISCLOSED, "retiree.account"),
        ),
    ),
)
