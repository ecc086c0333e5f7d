"""The words of the pages (用语): written in Chinese where they are used, and here in English, every one of them.

A test reads all templates and holds the table complete, without anything left over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from api.pages import words_of_asking, words_of_confirming, words_of_questions, words_of_retirement

Language = Literal["zh", "en"]
LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True)
class Say:
    """Says a Chinese text in the reader's language, with its values put in."""

    language: Language

    def __call__(self, text: str, /, **values: object) -> str:
        said = text if self.language == "zh" else ENGLISH[text]
        return said.format_map({name: str(value) for name, value in values.items()}) if values else said


_FRAME: Final = {
    "一件事": "One Thing",
    "跳到正文": "Skip to content",
    "主导航": "Main navigation",
    "办件": "Cases",
    "退出": "Sign out",
    "首页": "Home",
    "回到首页": "Go to the home page",
    "时间均为北京时间, 以服务器时间为准。": "Times are Beijing time, by the server's clock.",
    "内容已更新": "Content updated",
    "此处已有变化, 您填写的内容没有提交, 保留如下:": "This has changed meanwhile. What you typed was not sent; here it is:",
    "剩余 {span}": "{span} left",
    "已超 {span}": "{span} over",
    "{days} 天 {hours} 小时": "{days} d {hours} h",
    "{hours} 小时 {minutes} 分": "{hours} h {minutes} min",
    "错误: ": "Error: ",
}

_ROLES: Final = {
    "出生窗口": "Birth desk",
    "经办人": "Caseworker",
    "科长": "Supervisor",
    "部门核验员": "Department verifier",
    "社区工作者": "Community worker",
    "部门负责人": "Head of the unit",
    "用证单位": "Requesting unit",
    "数据中心": "Data centre",
    "社保经办": "Pension officer",
    "审计": "Auditor",
    "接入系统": "Connected system",
}

_STATES: Final = {
    "办理中": "In progress",
    "已办结": "Concluded",
    "已撤回": "Withdrawn",
    "待受理": "Not started",
    "已受理": "Accepted",
    "待经办人处理": "With a caseworker",
    "未通过": "Not granted",
    "无法办理": "Cannot begin",
    "已取消": "Cancelled",
    "不适用": "Not applicable",
    "待核验": "To be verified",
    "核验中": "Being verified",
    "待核验人答复": "With a verifier",
    "待申请人承诺": "Applicant may sign",
    "待答复": "To be answered",
    "已答复": "Answered",
    "逾期未答复": "Not answered in time",
    "时限已过半": "Half the time used",
    "时限将到": "Nearly due",
    "时限已过": "Time is over",
    "计时中止": "Clock stopped",
    "待经办人认定": "Caseworker decides",
    "不一致, 待经办人认定": "Contradicted, caseworker decides",
    "已证明": "Shown",
    "未能证明": "Not shown",
    "不再需要": "No longer needed",
    "超期": "Overdue",
    "部门联系不上": "Unreachable",
    "部分事项未办成": "Some items not granted",
}

_SIGNING_IN: Final = {
    "登录": "Sign in",
    "账号": "Account",
    "密码": "Password",
    "一次申请, 多个部门, 一个编号查到底。": "One application, many departments, one number to follow it by.",
    "忘记密码请联系本单位管理员。登录 12 小时后须重新登录。": "Forgot the password? Ask your unit's administrator. "
    "You stay signed in for 12 hours.",
    "登录页面已过期, 请再试一次。": "The sign-in page had expired. Please try once more.",
    "请填写账号和密码。": "Fill in the account and the password.",
    "账号或密码不正确。请检查大小写和输入法后再试。": "The account or the password is not right. "
    "Check capitals and the input method, then try again.",
    "您可以按办件编号查看办件经过, 其中没有任何人的个人信息。查询日志请通过接口查阅。": "You may read what happened to a "
    "case by its number; nobody's personal data is in it. The access log is read through the API.",
    "您的角色目前没有可办理的页面。需要您核实的事项会另行通知您。": "There is no page for your role yet. "
    "You will be told separately when something has to be checked by you.",
}

_LIST: Final = {
    "待我处理": "For me",
    "全部": "All",
    "没有正在办理的办件。新收件会立即出现在这里。": "No case is in progress. A new one appears here at once.",
    "没有需要您处理的办件。共享数据无法证明、信息不一致或部门退回材料时, 办件会出现在这里。": "Nothing waits for you. "
    "A case appears here when no register can show a proof, when one contradicts it, or when a department cannot "
    "accept a submission.",
    "没有超期的办件。事项超过承诺时限时, 办件会出现在这里。": "Nothing is overdue. A case appears here when an item "
    "passes its promised date.",
    "还没有办结的办件。": "No case has been concluded yet.",
    "还没有办件。收件后会立即出现在这里。": "There is no case yet. A filed one appears here at once.",
    "办件编号": "Case number",
    "21 位数字, 空格可有可无": "21 digits, with or without spaces",
    "查找": "Find",
    "这不是办件编号。编号共 21 位数字, 请对照回执核对。": "This is not a case number. It has 21 digits; "
    "compare it with the receipt.",
    "没有这个编号的办件, 或您无权查看。请对照回执核对。": "There is no such case, or you may not see it. "
    "Compare the number with the receipt.",
    "按状态查看": "View by state",
    "申请人": "Applicant",
    "状态": "State",
    "事项": "Items",
    "在等什么": "Waiting for",
    "下一时限": "Next due",
    "等 {count} 项": "and others, {count} in all",
    "无需等待": "Nothing",
    "翻页": "Pages",
    "回到第一页": "First page",
    "下一页": "Next page",
    "快捷键": "Keyboard",
    "下一行、上一行": "next row, previous row",
    "打开": "open",
    "关闭快捷键": "Switch the keys off",
}

_CASE: Final = {
    "情形": "Circumstances",
    "事项进度": "Items",
    "最迟承诺": "All promised by",
    "结束": "Ended",
    "收件": "Filed",
    "为什么还在等": "Why it is waiting",
    "自 {moment} 起": "since {moment}",
    "第 {number} 人": "child {number}",
    "承诺": "Promised by",
    "承诺 {limit}": "promised in {limit}",
    "即办件": "immediate",
    "预计最迟": "Expected by",
    "承诺日期待定": "Date not fixed yet",
    "办结": "Concluded",
    "办理": "Handling",
    "承诺时限": "Promised date",
    "现在": "Now",
    "自 {moment} 起超过承诺时限, 部门须公开说明。": "Past its promised date since {moment}; the department owes a "
    "public explanation.",
    "自 {moment} 起联系不上部门系统, 系统持续重试(故障代码 {fault})。": "The department's system has been unreachable "
    "since {moment}; trying again all the time (fault {fault}).",
    "部门无法接收材料(故障代码 {fault})。": "The department could not accept the submission (fault {fault}).",
    "说明: ": "Explanation: ",
    "等{parts}办结后开始": "Begins after: {parts}",
    "待核验: {parts}": "To be shown first: {parts}",
    "部门编号": "Department's number",
    "第 {number} 次更正": "Correction {number}",
    "原为": "before",
    "现为": "now",
    "相差 {amount} 元": "a difference of {amount} yuan",
    "计算过程": "How it was computed",
    "第 {number} 次送交": "Sent {number} times",
    "证明": "Proofs",
    "数据共享": "Shared data",
    "人工认定": "By hand",
    "正在等待答复": "waiting for an answer",
    "不一致": "Contradicts",
    "不一致的内容: {parts}": "What differs: {parts}",
    "由 {account} 认定": "Decided by {account}",
    "理由: ": "Reason: ",
    "没有需要核验的证明。": "No proof is needed.",
    "申请信息": "Application",
    "当事人的个人信息已依法删除。": "This person's data was erased by law.",
    "已遮盖个人信息; 查看本页已记入查询日志。": "Personal data is masked. That you opened this page is in the access log.",
    "没有您可以查看的申请信息。": "There is nothing of the application that you may see.",
    "办件经过": "Timeline",
    "没有可以显示的办件经过。": "Nothing to show yet.",
    "答复晚于环节的 {count} 件, 均已留存, 引起的变化见以下经过。": "Answers that came after the ladder had moved on: {count}. They are kept; what they led to stands in the history below.",
    "系统": "System",
}

_ACTS: Final = {
    "需要您处理": "For you to decide",
    "认定“{part}”": "Decide on: {part}",
    "与登记信息不一致的内容: {parts}": "The register says otherwise about: {parts}",
    "需要它的事项: {parts}": "Needed by: {parts}",
    "核验材料后认定": "Having checked the documents",
    "成立": "Shown",
    "相关事项继续办理": "the items that need it go on",
    "不能证明": "Not shown",
    "需要它的事项将不予许可, 不能撤回": "the items that need it are denied; this cannot be undone",
    "已办结的结果不变": "what is concluded stays",
    "已办结的结果不自动撤销, 请告知有关部门更正": "what is concluded is not undone by itself; tell the departments to correct it",
    "理由(看过什么材料, 向谁核实)": "Reason (which documents you saw, whom you asked)",
    "提交认定": "Decide",
    "重新送交“{part}”": "Send again: {part}",
    "{department}无法接收材料(故障代码 {fault})。查明原因后再重新送交。": "{department} could not accept the submission "
    "(fault {fault}). Find out why before sending it again.",
    "理由(查明了什么, 如何解决)": "Reason (what you found out, how it was solved)",
    "重新送交部门": "Send to the department again",
    "更正办理结果": "Correct the result",
    "更正后, 原结果、更正内容和理由一并保留; 办件状态不变。": "What stood before is kept beside the correction and its reason; "
    "the state of the case does not change.",
    "更正哪一项": "What is to be corrected",
    "正确的内容": "What is right",
    "更正理由(错在哪里, 依据什么)": "Reason (what was wrong, and what shows it)",
    "更正": "Correct",
    "请选择要更正的内容。": "Choose what is to be corrected.",
    "请填写正确的内容, 最多 500 字。": "Fill in what is right, at most 500 characters.",
    "请填写金额(元), 如 5012.70。": "Fill in an amount in yuan such as 5012.70.",
    "“{part}”的办理结果已更正, 更正前后的内容和理由见该事项。": "What {part} came to is corrected. What stood before, what "
    "stands now, and your reason are shown at the item.",
    "显示完整信息": "Show in full",
    "理由会记入查询日志, 当事人可以查询。显示 60 秒后自动遮盖。": "The reason goes to the access log, which the person "
    "may ask for. Masked again after 60 seconds.",
    "为什么需要看": "Why you need to see it",
    "显示 60 秒": "Show for 60 seconds",
    "其他办理": "Other acts",
    "撤回申请": "Withdraw the application",
    "撤回后, 未送部门的事项取消, 已在部门办理的继续办理; 撤回不能恢复, 需要时须重新申请。": "Items not yet with a "
    "department are cancelled, the others go on. This cannot be undone; a new application would be needed.",
    "撤回理由": "Reason for the withdrawal",
    "是申请人要求撤回, 且已告知后果": "The applicant asked for it and knows what follows",
    "完整信息": "In full",
    "返回办件": "Back to the case",
    "查看和理由已记入查询日志。{seconds} 秒后自动返回已遮盖的页面。": "This and your reason are in the access log. "
    "You are taken back to the masked page after {seconds} seconds.",
    "办理结果": "Results",
    "现在遮盖": "Mask now",
    "请写明理由, 2 至 500 字。": "Give a reason, 2 to 500 characters.",
    "请选择认定结果。": "Choose what you found.",
    "请确认是申请人要求撤回。": "Confirm that the applicant asked for it.",
    "没有提交, 请改正以下内容:": "Not sent. Please correct this:",
    "“{part}”已由 {account} 认定, 您的提交没有生效。": "{account} has already decided on {part}; yours did not take effect.",
    "下面是办件现在的情况。您填写的内容保留如下, 可以复制:": "Below is the case as it is now. "
    "What you typed is kept here, to copy:",
    "下面是办件现在的情况, 您填写的内容仍在原处。请核对后重新提交。": "Below is the case as it is now, with what you typed "
    "still in its place. Check it and send it again.",
    "已认定“{part}”成立, 认定和理由已记入办件经过。需要它的事项继续办理。": "Decided: {part} is shown. It is on record with "
    "your reason, and the items that need it go on.",
    "已认定“{part}”不能证明, 认定和理由已记入办件经过。尚未办结的事项, 需要它的不予许可。": "Decided: {part} is not shown. It is on "
    "record with your reason, and the items that need it are denied.",
    "“{part}”已重新送交部门, 部门答复后本页自动更新。": "{part} was sent to its department again. "
    "This page changes by itself when the answer comes.",
    "申请已撤回: 未送部门的事项已取消; 已在部门办理的继续办理, 结果仍会记录在本页。": "Withdrawn. Items not yet with a "
    "department are cancelled; the others go on, and their results will still be recorded here.",
}

_PROBLEMS: Final = {
    "刷新": "Look again",
    "追踪号": "Trace",
    "请返回上一页重新操作。": "Go back and try again.",
    "请重新登录后继续。": "Sign in again to go on.",
    "如确需办理, 请联系本单位管理员核对您的角色; 如页面已打开很久, 请刷新后重试。": "If it is your task, ask your unit's "
    "administrator about your role; if the page had been open for long, reload it and try again.",
    "请核对办件编号; 如编号无误, 该办件可能不属于您的单位或辖区。": "Check the case number; if it is right, the case may "
    "belong to another unit or division.",
    "请从办件列表重新进入。": "Start again from the list of cases.",
    "网络可能较慢, 请重新提交。": "The network may be slow; send it again.",
    "请刷新页面, 看看办件现在的情况, 再决定是否继续。": "Reload, see how the case stands now, then decide whether to go on.",
    "如需了解办理结果, 请查看不含个人信息的办件经过。": "For what came of it, read the timeline, which holds no personal data.",
    "请缩短内容后重新提交。": "Shorten it and send it again.",
    "请核对填写的内容后重新提交。": "Check what you filled in and send it again.",
    "请稍后重试; 如再次出现, 请把下面的追踪号告诉管理员。": "Try again later; if it happens again, tell the administrator "
    "the trace below.",
    "请稍候片刻后刷新页面, 已提交的内容不会重复生效。": "Wait a moment and reload; nothing takes effect twice.",
}

_PARTS: Final[tuple[Mapping[str, str], ...]] = (
    _FRAME,
    _ROLES,
    _STATES,
    _SIGNING_IN,
    _LIST,
    _CASE,
    _ACTS,
    _PROBLEMS,
    *words_of_questions.PARTS,
    *words_of_asking.PARTS,
    *words_of_retirement.PARTS,
    *words_of_confirming.PARTS,
)

ENGLISH: Final[Mapping[str, str]] = {text: english for part in _PARTS for text, english in part.items()}
"""Chinese text -> the same in English."""
