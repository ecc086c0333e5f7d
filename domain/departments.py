"""Who owes something (部门) and which registers (数据源) can be asked: the names a declaration may use.

A bundle that names anybody else is refused when it is loaded, so a misspelt department cannot wait
for an answer that nobody will give.
"""

from typing import Final, NamedTuple


class Department(NamedTuple):
    """One body that handles items or holds a register."""

    code: str
    title: str
    title_en: str


DEPARTMENTS: Final = {
    department.code: department
    for department in (
        Department("delivery_institution", "助产机构", "Delivery institution"),
        Department("health", "卫生健康", "Health"),
        Department("vaccination_unit", "预防接种单位", "Vaccination unit"),
        Department("public_security", "公安", "Public security"),
        Department("healthcare_security", "医疗保障", "Healthcare security"),
        Department("human_resources", "人力资源和社会保障", "Human resources and social security"),
        Department("citizen_card_company", "市民卡公司", "Citizen card company"),
        Department("tax", "税务", "Tax"),
        Department("civil_affairs", "民政", "Civil affairs"),
        Department("housing_fund", "住房公积金", "Housing fund"),
        Department("market_regulation", "市场监管", "Market regulation"),
        Department("seal_maker", "公章刻制单位", "Seal maker"),
        Department("bank", "银行", "Bank"),
        Department("hospital", "医疗机构", "Medical institution"),
        Department("funeral_home", "殡仪馆", "Funeral home"),
        Department("traffic_police", "交警", "Traffic police"),
        Department("township", "乡镇街道", "Township"),
        Department("employer", "用人单位", "Employer"),
    )
}
"""Every department of the four bundles in the national lists, by code."""


class Register(NamedTuple):
    """One source of the data-sharing platform (数据共享平台) and the department that answers for it."""

    source: str
    title: str
    title_en: str
    kept_by: str


REGISTERS: Final = {
    register.source: register
    for register in (
        Register("identity_register", "公民身份信息", "Identity register", "public_security"),
        Register("household_register", "户籍信息", "Household register", "public_security"),
        Register("exit_entry_records", "出入境证件信息", "Exit and entry records", "public_security"),
        Register("marriage_register", "婚姻登记信息", "Marriage register", "civil_affairs"),
        Register("birth_records", "分娩信息", "Birth records", "health"),
        Register("prenatal_records", "孕产保健信息", "Prenatal records", "health"),
        Register("insured_persons", "参保信息", "Insured persons", "healthcare_security"),
        Register("employers", "用人单位信息", "Employers", "human_resources"),
        Register("pension_records", "养老保险缴费记录", "Pension contribution records", "human_resources"),
        Register("medical_insurance_records", "医疗保险缴费记录", "Medical insurance records", "healthcare_security"),
        Register("housing_fund_accounts", "住房公积金账户", "Housing fund accounts", "housing_fund"),
        Register("payment_accounts", "待遇支付账户", "Payment accounts", "bank"),
    )
}
"""Every register that a proof may query, by source."""
