"""新生儿出生一件事: what a family settles after a child is born, filed once at the birth desk.

Jinhua's eight items (seed 002). Law and graph: 户口登记条例 7; 国办发〔2015〕96号; 疫苗管理法 47;
社会保险经办条例 6-7, 19-20; 女职工劳动保护特别规定 7; 浙江省人口与计划生育条例 22.
"""

from datetime import date

from domain.bundle import (
    Act,
    Agrees,
    BornBefore,
    Bundle,
    Choice,
    Circumstance,
    CommunityCheck,
    DepartmentVerification,
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
    NotEligible,
    NotInFuture,
    NumbersInOrder,
    Product,
    Proof,
    Section,
    SharedDataQuery,
)
from domain.time_limits import working_days

PERSON_IDENTITY = (
    FormField(
        code="identity_kind",
        title="证件类型",
        title_en="Kind of identity document",
        kind=FieldKind.CHOICE,
        choices=(
            Choice(code="citizen_id", title="居民身份证", title_en="Citizen ID card"),
            Choice(code="passport", title="护照", title_en="Passport"),
        ),
    ),
)

BORN_IN_INSTITUTION = Is(field="birth.place_of_birth", among=("institution",))
MOTHER_IS_CITIZEN = Is(field="mother.identity_kind", among=("citizen_id",))
MOTHER_HAS_PASSPORT = Is(field="mother.identity_kind", among=("passport",))
FATHER_IS_CITIZEN = Is(field="father.identity_kind", among=("citizen_id",))
FATHER_HAS_PASSPORT = Is(field="father.identity_kind", among=("passport",))

BIRTH = Section(
    code="birth",
    title="出生信息",
    title_en="Birth",
    fields=(
        FormField(
            code="birth_record_no",
            title="分娩记录编号",
            title_en="Birth record number",
            kind=FieldKind.TEXT,
            at_most=40,
            only_if=(BORN_IN_INSTITUTION,),
        ),
        FormField(code="born_at", title="出生时间", title_en="Time of birth", kind=FieldKind.MOMENT),
        FormField(
            code="place_of_birth",
            title="出生地点",
            title_en="Place of birth",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="institution", title="助产机构内", title_en="In a delivery institution"),
                Choice(code="elsewhere", title="助产机构外", title_en="Elsewhere"),
            ),
        ),
        FormField(
            code="institution_code",
            title="助产机构代码",
            title_en="Institution code",
            kind=FieldKind.TEXT,
            only_if=(BORN_IN_INSTITUTION,),
        ),
        FormField(
            code="delivery",
            title="分娩情况",
            title_en="Delivery",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="normal", title="顺产", title_en="Normal"),
                Choice(code="difficult", title="难产", title_en="Difficult"),
            ),
        ),
        FormField(code="parents_married", title="父母已婚", title_en="Parents married", kind=FieldKind.YES_NO),
        FormField(
            code="household_follows",
            title="随谁落户",
            title_en="Household of",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="mother", title="随母", title_en="The mother"),
                Choice(code="father", title="随父", title_en="The father"),
            ),
        ),
        FormField(
            code="child_order",
            title="第几孩",
            title_en="Which child of the mother",
            kind=FieldKind.COUNT,
            at_most=20,
        ),
        FormField(
            code="mother_insurance",
            title="母亲参保情况",
            title_en="Mother's insurance",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="employee", title="职工医保", title_en="Employee"),
                Choice(code="resident", title="城乡居民医保", title_en="Resident"),
                Choice(code="none", title="未参保", title_en="None"),
            ),
        ),
    ),
)

CHILDREN = Section(
    code="children",
    title="新生儿",
    title_en="Children",
    person=True,
    at_most=6,
    fields=(
        FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
        FormField(
            code="sex",
            title="性别",
            title_en="Sex",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="1", title="男", title_en="Male"),
                Choice(code="2", title="女", title_en="Female"),
            ),
        ),
        FormField(code="birth_order", title="同胎次序", title_en="Order of birth", kind=FieldKind.COUNT, at_most=6),
    ),
)

MOTHER = Section(
    code="mother",
    title="母亲",
    title_en="Mother",
    person=True,
    fields=(
        FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
        *PERSON_IDENTITY,
        FormField(
            code="citizen_id",
            title="公民身份号码",
            title_en="Citizen ID number",
            kind=FieldKind.CITIZEN_ID,
            only_if=(MOTHER_IS_CITIZEN,),
        ),
        FormField(
            code="passport_no",
            title="护照号码",
            title_en="Passport number",
            kind=FieldKind.PASSPORT,
            only_if=(MOTHER_HAS_PASSPORT,),
        ),
        FormField(code="nationality", title="国籍", title_en="Nationality", kind=FieldKind.TEXT, at_most=3),
        FormField(code="phone", title="手机号码", title_en="Phone", kind=FieldKind.PHONE),
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

FATHER = Section(
    code="father",
    title="父亲",
    title_en="Father",
    person=True,
    required_if=(
        Is(field="birth.parents_married", among=("true",)),
        Is(field="birth.household_follows", among=("father",)),
    ),
    fields=(
        FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
        *PERSON_IDENTITY,
        FormField(
            code="citizen_id",
            title="公民身份号码",
            title_en="Citizen ID number",
            kind=FieldKind.CITIZEN_ID,
            only_if=(FATHER_IS_CITIZEN,),
        ),
        FormField(
            code="passport_no",
            title="护照号码",
            title_en="Passport number",
            kind=FieldKind.PASSPORT,
            only_if=(FATHER_HAS_PASSPORT,),
        ),
        FormField(code="nationality", title="国籍", title_en="Nationality", kind=FieldKind.TEXT, at_most=3),
        FormField(code="phone", title="手机号码", title_en="Phone", kind=FieldKind.PHONE, required=False),
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

_BIRTH_SHOWN = ("birth.birth_record_no", "birth.born_at", "birth.delivery", "mother.name")
_MOTHER_SHOWN = ("mother.name", "mother.citizen_id")
_MOTHER_PASSPORT_SHOWN = ("mother.name", "mother.passport_no", "mother.nationality")
_MOTHER_PAPERS_SHOWN = ("mother.name", "mother.citizen_id", "mother.passport_no")
_FATHER_SHOWN = ("father.name", "father.citizen_id")
_FATHER_PASSPORT_SHOWN = ("father.name", "father.passport_no", "father.nationality")
_PARENTS_SHOWN = (*_MOTHER_SHOWN, *_FATHER_SHOWN, "mother.passport_no", "father.passport_no")
_MOTHERS_COMMUNITY = (
    FromForm(field="mother.residence"),
    FromProof(proof="mothers_household", answer="community_code"),
)
_FATHERS_COMMUNITY = (
    FromForm(field="father.residence"),
    FromProof(proof="fathers_household", answer="community_code"),
)

BIRTH_RECORD = Proof(
    code="birth_record",
    title="分娩记录",
    title_en="Birth record",
    basis="母婴保健法 23",
    immediate=True,
    routes=(
        SharedDataQuery(
            source="birth_records",
            by=(Fact(name="birth_record_no", origin=FromForm(field="birth.birth_record_no")),),
            agrees=(
                Agrees(answer="mother_citizen_id", field="mother.citizen_id", unless=("mother_foreign",)),
                Agrees(answer="born_on", field="birth.born_at"),
                Agrees(answer="children", field="children.count"),
                Agrees(answer="delivery", field="birth.delivery"),
            ),
        ),
        DepartmentVerification(department="health", shows=_BIRTH_SHOWN),
        Escalation(),
    ),
)

MOTHER_IDENTITY = Proof(
    code="mother_identity",
    title="母亲身份",
    title_en="Mother's identity",
    basis="居民身份证法 13",
    unless=("mother_foreign",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="identity_register",
            by=(Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id")),),
            agrees=(Agrees(answer="name", field="mother.name"),),
        ),
        DepartmentVerification(department="public_security", shows=_MOTHER_SHOWN),
        CommunityCheck(community=_MOTHERS_COMMUNITY, shows=_MOTHER_SHOWN),
        Escalation(),
    ),
)

MOTHER_PASSPORT = Proof(
    code="mother_passport",
    title="母亲护照",
    title_en="Mother's passport",
    basis="国籍法 4",
    when=("mother_foreign",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="exit_entry_records",
            by=(Fact(name="passport_no", origin=FromForm(field="mother.passport_no")),),
            agrees=(
                Agrees(answer="name", field="mother.name"),
                Agrees(answer="nationality", field="mother.nationality"),
            ),
        ),
        DepartmentVerification(department="public_security", shows=_MOTHER_PASSPORT_SHOWN),
        Escalation(),
    ),
)

FATHER_IDENTITY = Proof(
    code="father_identity",
    title="父亲身份",
    title_en="Father's identity",
    basis="居民身份证法 13",
    when=("father_named",),
    unless=("father_foreign",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="identity_register",
            by=(Fact(name="citizen_id", origin=FromForm(field="father.citizen_id")),),
            agrees=(Agrees(answer="name", field="father.name"),),
        ),
        DepartmentVerification(department="public_security", shows=_FATHER_SHOWN),
        CommunityCheck(community=_FATHERS_COMMUNITY, shows=_FATHER_SHOWN),
        Escalation(),
    ),
)

FATHER_PASSPORT = Proof(
    code="father_passport",
    title="父亲护照",
    title_en="Father's passport",
    basis="国籍法 4",
    when=("father_foreign",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="exit_entry_records",
            by=(Fact(name="passport_no", origin=FromForm(field="father.passport_no")),),
            agrees=(
                Agrees(answer="name", field="father.name"),
                Agrees(answer="nationality", field="father.nationality"),
            ),
        ),
        DepartmentVerification(department="public_security", shows=_FATHER_PASSPORT_SHOWN),
        Escalation(),
    ),
)

PARENTS_MARRIAGE = Proof(
    code="parents_marriage",
    title="父母婚姻状况",
    title_en="Parents' marriage",
    basis="国办发〔2015〕96号",
    when=("married",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="marriage_register",
            by=(
                Fact(
                    name="husband_citizen_id",
                    origin=FromForm(field="father.citizen_id"),
                    unless=("father_foreign", "mother_foreign"),
                ),
                Fact(
                    name="wife_citizen_id",
                    origin=FromForm(field="mother.citizen_id"),
                    unless=("father_foreign", "mother_foreign"),
                ),
                Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id"), when=("father_foreign",)),
                Fact(name="citizen_id", origin=FromForm(field="father.citizen_id"), when=("mother_foreign",)),
            ),
            holds=(Holds(answer="state", among=("married",)),),
            agrees=(
                Agrees(answer="husband_name", field="father.name"),
                Agrees(answer="wife_name", field="mother.name"),
            ),
        ),
        DepartmentVerification(department="civil_affairs", shows=_PARENTS_SHOWN),
        CommunityCheck(community=_MOTHERS_COMMUNITY, shows=_PARENTS_SHOWN),
        Escalation(),
    ),
)

PATERNITY = Proof(
    code="paternity",
    title="亲子关系",
    title_en="Paternity",
    basis="国办发〔2015〕96号: 非婚生育随父落户须亲子鉴定",
    when=("unmarried", "following_father"),
    routes=(Escalation(),),
)

MOTHERS_HOUSEHOLD = Proof(
    code="mothers_household",
    title="母亲户籍",
    title_en="Mother's household",
    basis="户口登记条例 7",
    when=("following_mother",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="household_register",
            by=(Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id")),),
            agrees=(Agrees(answer="name", field="mother.name"),),
        ),
        DepartmentVerification(department="public_security", shows=_MOTHER_SHOWN),
        CommunityCheck(community=_MOTHERS_COMMUNITY, shows=_MOTHER_SHOWN),
        Escalation(),
    ),
)

FATHERS_HOUSEHOLD = Proof(
    code="fathers_household",
    title="父亲户籍",
    title_en="Father's household",
    basis="户口登记条例 7",
    when=("following_father",),
    immediate=True,
    routes=(
        SharedDataQuery(
            source="household_register",
            by=(Fact(name="citizen_id", origin=FromForm(field="father.citizen_id")),),
            agrees=(Agrees(answer="name", field="father.name"),),
        ),
        DepartmentVerification(department="public_security", shows=_FATHER_SHOWN),
        CommunityCheck(community=_FATHERS_COMMUNITY, shows=_FATHER_SHOWN),
        Escalation(),
    ),
)

PRENATAL_RECORD = Proof(
    code="prenatal_record",
    title="孕产保健建册",
    title_en="Prenatal record",
    basis="母婴保健法实施办法",
    routes=(
        SharedDataQuery(
            source="prenatal_records",
            by=(
                Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id"), unless=("mother_foreign",)),
                Fact(name="passport_no", origin=FromForm(field="mother.passport_no"), when=("mother_foreign",)),
            ),
        ),
        DepartmentVerification(department="health", shows=_MOTHER_PAPERS_SHOWN),
        Escalation(),
    ),
)

MOTHER_INSURANCE = Proof(
    code="mother_insurance",
    title="母亲参保状态",
    title_en="Mother's insurance",
    basis="社会保险法 53-56",
    unless=("mother_uninsured",),
    routes=(
        SharedDataQuery(
            source="insured_persons",
            by=(
                Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id"), unless=("mother_foreign",)),
                Fact(name="passport_no", origin=FromForm(field="mother.passport_no"), when=("mother_foreign",)),
            ),
            agrees=(Agrees(answer="scheme", field="birth.mother_insurance"),),
        ),
        DepartmentVerification(department="healthcare_security", shows=_MOTHER_PAPERS_SHOWN),
        Escalation(),
    ),
)

MOTHER_EMPLOYER = Proof(
    code="mother_employer",
    title="用人单位上年度职工月平均工资",
    title_en="Employer's average monthly wage of the year before",
    basis="社会保险法 56",
    when=("mother_employee",),
    routes=(
        SharedDataQuery(
            source="employers",
            by=(Fact(name="uscc", origin=FromProof(proof="mother_insurance", answer="employer_uscc")),),
        ),
        DepartmentVerification(department="human_resources", shows=_MOTHER_PAPERS_SHOWN),
        Escalation(),
    ),
)

MOTHER_ACCOUNT = Proof(
    code="mother_account",
    title="待遇支付账户",
    title_en="Account for payment",
    basis="社会保险经办条例 19",
    unless=("mother_uninsured", "mother_foreign"),
    routes=(
        SharedDataQuery(
            source="payment_accounts",
            by=(
                Fact(name="citizen_id", origin=FromForm(field="mother.citizen_id")),
                Fact(name="account", origin=FromForm(field="mother.account")),
            ),
            agrees=(Agrees(answer="name", field="mother.name"),),
        ),
        Escalation(),
    ),
)

MOTHER_DISCLOSED = ("mother.name", "mother.identity_kind", "mother.citizen_id", "mother.passport_no", "mother.phone")
FATHER_DISCLOSED = ("father.name", "father.identity_kind", "father.citizen_id", "father.passport_no")
CHILD_DISCLOSED = ("children.name", "children.sex", "children.birth_order")
BIRTH_RECORD_NO = Fact(name="birth_record_no", origin=FromForm(field="birth.birth_record_no"))
BORN_AT = Fact(name="born_at", origin=FromForm(field="birth.born_at"))

BUNDLE = Bundle(
    code="newborn",
    title="新生儿出生一件事",
    title_en="Newborn",
    basis="国办发〔2022〕32号; 金华市八事联办",
    effective_from=date(2023, 12, 1),
    business="01",
    workflow_type="NewbornBundle",
    lead_department="health",
    sections=(BIRTH, CHILDREN, MOTHER, FATHER),
    applicant="mother",
    circumstances=(
        Circumstance(
            code="married", title="父母已婚", title_en="Parents married", field="birth.parents_married", among=("true",)
        ),
        Circumstance(
            code="unmarried",
            title="非婚生育",
            title_en="Parents not married",
            field="birth.parents_married",
            among=("false",),
        ),
        Circumstance(
            code="following_mother",
            title="随母落户",
            title_en="Joins the mother's household",
            field="birth.household_follows",
            among=("mother",),
        ),
        Circumstance(
            code="following_father",
            title="随父落户",
            title_en="Joins the father's household",
            field="birth.household_follows",
            among=("father",),
        ),
        Circumstance(
            code="father_named", title="登记父亲信息", title_en="Father named", field="father.count", among=("1",)
        ),
        Circumstance(
            code="mother_foreign",
            title="母亲为外国籍",
            title_en="Mother foreign",
            field="mother.identity_kind",
            among=("passport",),
        ),
        Circumstance(
            code="father_foreign",
            title="父亲为外国籍",
            title_en="Father foreign",
            field="father.identity_kind",
            among=("passport",),
        ),
        Circumstance(
            code="mother_employee",
            title="母亲参加职工医保",
            title_en="Mother insured as employee",
            field="birth.mother_insurance",
            among=("employee",),
        ),
        Circumstance(
            code="mother_uninsured",
            title="母亲未参保",
            title_en="Mother not insured",
            field="birth.mother_insurance",
            among=("none",),
        ),
        Circumstance(
            code="multiple_birth",
            title="多胎",
            title_en="Twins or more",
            field="children.count",
            among=("2", "3", "4", "5", "6"),
        ),
        Circumstance(
            code="born_elsewhere",
            title="助产机构外出生",
            title_en="Born outside an institution",
            field="birth.place_of_birth",
            among=("elsewhere",),
        ),
    ),
    not_eligible=(
        NotEligible(
            code="born_outside_institution",
            when=("born_elsewhere",),
            reason="在助产机构以外出生的, 不能由助产机构签发出生医学证明",
            reason_en="A child born outside a delivery institution cannot be certified by one",
            go_to="请先做亲子鉴定, 再到出生地县级卫生健康部门指定的机构申领",
            go_to_en="obtain a parentage report, then apply to the county health department's designated office",
        ),
        NotEligible(
            code="both_parents_foreign",
            when=("mother_foreign", "father_foreign"),
            reason="父母双方均为外国籍, 新生儿不办理户口登记",
            reason_en="With two foreign parents there is no household registration",
            go_to="请到出入境管理机构办理",
            go_to_en="go to the exit and entry administration",
        ),
        NotEligible(
            code="no_chinese_parent",
            when=("mother_foreign",),
            unless=("father_named",),
            reason="未登记中国籍的父亲或母亲",
            reason_en="No Chinese parent is named",
            go_to="请到出入境管理机构办理",
            go_to_en="go to the exit and entry administration",
        ),
        NotEligible(
            code="household_of_foreign_mother",
            when=("mother_foreign", "following_mother"),
            reason="外国籍母亲没有户口可随",
            reason_en="A foreign mother has no household to join",
            go_to="请改为随父落户后重新提交",
            go_to_en="choose the father's household and file again",
        ),
        NotEligible(
            code="household_of_foreign_father",
            when=("father_foreign", "following_father"),
            reason="外国籍父亲没有户口可随",
            reason_en="A foreign father has no household to join",
            go_to="请改为随母落户后重新提交",
            go_to_en="choose the mother's household and file again",
        ),
    ),
    checks=(
        NotInFuture(field="birth.born_at"),
        BornBefore(citizen_id="mother.citizen_id", before="birth.born_at", years=10),
        BornBefore(citizen_id="father.citizen_id", before="birth.born_at", years=10),
        NumbersInOrder(field="children.birth_order"),
    ),
    one_case_per=(
        ("birth.birth_record_no", "children.birth_order"),
        ("mother.citizen_id", "birth.born_at", "children.birth_order"),
    ),
    items=(
        Item(
            code="birth_certificate",
            title="出生医学证明",
            title_en="Birth certificate",
            department="delivery_institution",
            basis="母婴保健法 23",
            act=Act.ISSUE,
            promised_limit=working_days(1),
            for_each="children",
            proofs=(BIRTH_RECORD, MOTHER_IDENTITY, MOTHER_PASSPORT, FATHER_IDENTITY, FATHER_PASSPORT),
            discloses=(*CHILD_DISCLOSED, *MOTHER_DISCLOSED, *FATHER_DISCLOSED),
            facts=(BIRTH_RECORD_NO, BORN_AT),
            produces=(
                Product(
                    code="birth_certificate_no",
                    title="出生医学证明编号",
                    title_en="Birth certificate number",
                    belongs_to="children",
                ),
            ),
        ),
        Item(
            code="household_registration",
            title="出生户口登记",
            title_en="Household registration",
            department="public_security",
            basis="户口登记条例 7",
            act=Act.REGISTER,
            promised_limit=working_days(1),
            for_each="children",
            reads=("birth_certificate_no",),
            proofs=(PARENTS_MARRIAGE, PATERNITY, MOTHERS_HOUSEHOLD, FATHERS_HOUSEHOLD),
            discloses=(*CHILD_DISCLOSED, *MOTHER_DISCLOSED, *FATHER_DISCLOSED),
            facts=(
                BORN_AT,
                Fact(name="household_follows", origin=FromForm(field="birth.household_follows")),
                Fact(
                    name="household_no",
                    origin=FromProof(proof="mothers_household", answer="household_no"),
                    when=("following_mother",),
                ),
                Fact(
                    name="household_no",
                    origin=FromProof(proof="fathers_household", answer="household_no"),
                    when=("following_father",),
                ),
            ),
            produces=(
                Product(
                    code="citizen_id",
                    title="公民身份号码",
                    title_en="Citizen ID number",
                    kind=FieldKind.CITIZEN_ID,
                    belongs_to="children",
                ),
                Product(code="household_no", title="户号", title_en="Household number", belongs_to="children"),
            ),
        ),
        Item(
            code="medical_insurance",
            title="新生儿医保参保",
            title_en="Medical insurance",
            department="healthcare_security",
            basis="社会保险经办条例 6-7, 10",
            act=Act.REGISTER,
            statutory_limit=working_days(10),
            promised_limit=working_days(3),
            for_each="children",
            reads=("citizen_id",),
            discloses=("children.name", "mother.name", "mother.citizen_id", "mother.phone"),
            facts=(BORN_AT,),
            produces=(
                Product(code="insurance_no", title="参保编号", title_en="Insurance number", belongs_to="children"),
            ),
        ),
        Item(
            code="citizen_card",
            title="市民卡(社会保障卡)",
            title_en="Citizen card (social security card)",
            department="citizen_card_company",
            basis="社会保险经办条例 7",
            act=Act.ISSUE,
            statutory_limit=working_days(10),
            promised_limit=working_days(5),
            for_each="children",
            reads=("citizen_id",),
            discloses=("children.name", "mother.name", "mother.phone"),
            produces=(Product(code="card_no", title="卡号", title_en="Card number", belongs_to="children"),),
        ),
        Item(
            code="vaccination_certificate",
            title="预防接种证",
            title_en="Vaccination certificate",
            department="vaccination_unit",
            basis="疫苗管理法 47",
            act=Act.ISSUE,
            promised_limit=working_days(1),
            for_each="children",
            reads=("birth_certificate_no",),
            discloses=("children.name", "children.sex", "mother.name", "mother.phone"),
            facts=(BORN_AT,),
            produces=(
                Product(
                    code="vaccination_no",
                    title="预防接种证编号",
                    title_en="Vaccination certificate number",
                    belongs_to="children",
                ),
            ),
        ),
        Item(
            code="mother_child_handbook",
            title="母子健康手册",
            title_en="Mother-child handbook",
            department="health",
            basis="母婴保健法实施办法",
            act=Act.COMPLETE,
            promised_limit=working_days(1),
            proofs=(PRENATAL_RECORD,),
            discloses=("mother.name", "mother.citizen_id", "mother.passport_no"),
            facts=(
                BORN_AT,
                Fact(name="handbook_no", origin=FromProof(proof="prenatal_record", answer="handbook_no")),
            ),
            produces=(Product(code="handbook_no", title="手册编号", title_en="Handbook number", belongs_to="mother"),),
        ),
        Item(
            code="child_care_booklet",
            title="儿童保健册",
            title_en="Child-care booklet",
            department="health",
            basis="母婴保健法实施办法",
            act=Act.ISSUE,
            promised_limit=working_days(1),
            for_each="children",
            reads=("birth_certificate_no",),
            discloses=("children.name", "children.sex", "mother.name", "mother.phone"),
            facts=(BORN_AT,),
            produces=(
                Product(code="booklet_no", title="保健册编号", title_en="Booklet number", belongs_to="children"),
            ),
        ),
        Item(
            code="maternity_benefit",
            title="生育保险待遇",
            title_en="Maternity benefit",
            department="healthcare_security",
            basis="社会保险法 54-56; 社会保险经办条例 20",
            act=Act.GRANT,
            statutory_limit=working_days(10),
            promised_limit=working_days(5),
            unless=("mother_uninsured",),
            proofs=(BIRTH_RECORD, MOTHER_INSURANCE, MOTHER_EMPLOYER, MOTHER_ACCOUNT),
            discloses=("mother.name", "mother.citizen_id", "mother.passport_no", "mother.account"),
            facts=(
                BIRTH_RECORD_NO,
                BORN_AT,
                Fact(name="child_order", origin=FromForm(field="birth.child_order")),
                Fact(name="children", origin=FromForm(field="children.count")),
                Fact(name="delivery", origin=FromForm(field="birth.delivery")),
                Fact(name="scheme", origin=FromForm(field="birth.mother_insurance")),
                Fact(
                    name="average_monthly_wage_fen",
                    origin=FromProof(proof="mother_employer", answer="average_monthly_wage_fen"),
                    when=("mother_employee",),
                ),
            ),
            entitle=Entitle(
                entitlement="maternity_allowance", on=FromForm(field="birth.born_at"), when=("mother_employee",)
            ),
            produces=(
                Product(code="benefit_amount_fen", title="待遇金额(分)", title_en="Amount (fen)", belongs_to="mother"),
                Product(code="benefit_days", title="产假天数", title_en="Days of leave", belongs_to="mother"),
            ),
        ),
    ),
)
