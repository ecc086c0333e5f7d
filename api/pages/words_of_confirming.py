"""The words of confirming once (确认用语): of the form that a person or an employer confirms, and of a returned list."""

from collections.abc import Mapping
from typing import Final

FORM: Final = {
    "本人确认": "Confirmation",
    "确认无误": "Confirmed",
    "信息有误或不办理": "Wrong, or declined",
    "转社区联系": "Community calls",
    "本人或单位已核对, 同意按此办理": "the person or the employer has checked it and agrees",
    "所填有误或暂不办理, 请写明, 由经办人处理": "something is wrong, or it is declined: say which; a caseworker takes it up",
    "联系不上或说不清楚, 由社区工作者打电话": "nobody can be reached, or it is not clear; the community worker calls",
    "以上信息正确, 有更正的以更正后为准, 同意按此办理": "all of this is right, or as corrected below; go on with it",
    "信息有误, 或暂不办理": "Something is wrong, or not now",
    "请在下面写明, 经办人会与您联系": "say what below; a caseworker will call you",
    "请社区联系我": "Have the community call me",
    "社区工作者会给您打电话": "the community worker will telephone you",
    "请本人或单位确认的内容": "What the person or the employer is asked to confirm",
    "时限已过, 已由{who}联系本人。现在确认仍然有效; 其他答复会留存。": "The limit is over and {who} calls the person. A "
    "confirmation still counts; any other answer is kept.",
    "说明(除“确认无误”外必填: 哪里有误, 或为什么不办理)": "Note (required unless confirmed: what is wrong, or why not)",
    "每月 {amount} 元": "{amount} yuan a month",
    "当年计发基数尚未公布, 暂按最近公布的基数预发, 公布后重新核定": "provisional: this year's base is not published, so the latest one is "
    "used for now and settled later",
    "按目前的登记测算, 以退休当月核定的为准。": "Computed from the register as it stands now; what is assessed in the month of "
    "retirement counts.",
    "怎样算出来的": "How it was computed",
    "待核实": "not confirmed in a published text",
    "已确认, 将按所列信息办理。": "Confirmed. It goes on as listed.",
    "已更正申请, 到新的日期会再请确认一次。": "The application is corrected; when the new day comes it is sent to be confirmed once more.",
    "已更正。日期有变动, 到新的日期会再请您确认一次。": "Corrected. A day has moved: when it comes, you are asked to confirm once more.",
    "有要更正的, 或另选时间": "Correct something, or choose another month",
    "改好后选“确认无误”并提交, 即按更正后的内容办理; 日期有变动的, 到时会再请确认一次。其他内容有误, 请写在说明里。": "Correct it, choose "
    "“Confirmed” and send: it goes on as corrected, and where a day moves you are asked once more when it comes. Say in the "
    "note whatever else is wrong.",
    "有更正的, 答复请选“确认无误”; 要由经办人处理的, 请写在说明里, 不要更正。": "With corrections the answer is “Confirmed”; what a caseworker "
    "has to see to, say in the note and do not correct it.",
    "已收到, 所列信息暂不办理; 经办人会核对并联系本人。": "Received. Nothing goes on for now; a caseworker checks it and calls the "
    "person.",
    "已收到, 所列信息暂不办理; 经办人会核对并联系您。": "Received. Nothing goes on for now; a caseworker checks it and calls you.",
    "已收到, 社区工作者会打电话联系本人。": "Received. The community worker will telephone the person.",
    "已收到, 社区工作者会打电话联系您。": "Received. The community worker will telephone you.",
    "这件事已经有了结果; 答复已留存, 不改变结果。": "This is settled already; the answer is kept and changes nothing.",
    "请您确认": "Please confirm",
    "由{unit}发出。": "Sent by {unit}.",
    "本链接只能答复一次, 请勿转发。打开已记入查询日志。没有答复不会当作同意, {who}会打电话联系您。": "This link can be answered "
    "once; do not pass it on. That it was opened is in the access log. No answer is never taken for a yes: {who} would "
    "telephone you.",
    "已于 {moment} 收到答复“{answer}”, 不需要再答复。如不是您或您单位所答, 请联系发来链接的单位。": "An answer was received on {moment}: "
    "{answer}. No other is needed. If neither you nor your employer gave it, call the office that sent the link.",
    "所填信息已有变更, 或已不再办理。如需再次确认, 会另发链接。": "What was filled in has changed, or is no longer being done. If it "
    "has to be confirmed again, another link is sent.",
    "答复时间到 {moment} 为止。": "The time to answer ended on {moment}.",
    "没有答复不会当作同意: 会有人打电话联系您, 您也可以联系发来链接的单位。": "No answer is never taken for a yes: somebody will "
    "telephone you, or call the office that sent the link.",
}

DECLINED: Final = {
    "与本人联系后认定": "Having reached the person",
    "已与本人重新确认, 按表办理": "The person has confirmed it after all: go on by the form",
    "本人不办理, 相关事项不再办理": "The person declines: the items that need it are not done",
    "认定后不能恢复": "this cannot be undone",
    "说明(何时、怎样联系到本人, 本人怎么说)": "Note (how and when the person was reached, and what they said)",
    "所填有误的, 不要在此认定: 先由收件单位或经办人在业务系统中更正申请, 更正后会再请本人确认。": "If something on the form is wrong, do not "
    "decide here: the unit that took it in, or a caseworker, corrects the application in their system first; the person "
    "is then asked to confirm once more.",
    "全部申请都不办理的:": "If nothing of it is to be done:",
    "已记入: 与本人重新确认了“{part}”。需要它的事项继续办理。": "On record: the person has confirmed after all ({part}). The items that "
    "need it go on.",
    "已记入: 本人不办理“{part}”。需要它的事项不再办理。": "On record: the person declines ({part}). The items that need it are not done.",
}

LIST: Final = {
    "保存": "Save",
    "已保存。": "Saved.",
    "没有人答复时": "When nobody answers",
    "时限过后由谁联系本人。只影响此后发出的确认单; 无论哪种, 没有答复都不会当作同意。": "Who contacts the person once the limit has passed, "
    "for the forms that go out from now on. Whichever it is, no answer is never taken for a yes.",
    "按事项规定": "As declared",
    "确认单所属的一件事规定的下一步": "whatever the bundle of the form declares next",
    "社区工作者打电话": "The community worker calls",
    "由本人所在社区联系": "the community where the person lives contacts them",
    "经办人联系": "A caseworker calls",
    "由本单位所在地的经办人联系并办结": "a caseworker of the unit's division contacts them and settles it",
    "批量确认": "Confirm in batch",
    "确认单已发给本人或用人单位。收回名单后, 先核对, 再提交; 没有答复不会当作同意。": "The forms have gone to the people or their "
    "employers. Look at a returned list first, then send it; no answer is never taken for a yes.",
    "核对结果, 尚未提交": "What it would lead to; nothing was sent",
    "提交结果": "What came of it",
    "确认 {confirmed}, 经办人核对 {contested}, 转社区 {handed_on}, 留存 {kept}, 未能办理 {refused}。": "Confirmed {confirmed}, to a "
    "caseworker {contested}, to the community {handed_on}, kept {kept}, refused {refused}.",
    "提交 {count} 行": "Send {count} rows",
    "“未办理”的行若为格式错误, 请在文件中改正后重新上传; 其余的行不受影响。": "Where a refused row has a faulty cell, mend it in the file "
    "and upload it again; the other rows go on.",
    "重试失败的": "Retry the failed",
    "行": "Row",
    "说明": "Why",
    "经办人核对": "To a caseworker",
    "留存": "Kept",
    "未办理": "Refused",
    "等待确认": "To be confirmed",
    "确认事项": "What",
    "勾选的各件, 本人或单位的答复": "For every ticked case, the person or the employer says",
    "说明(除“确认无误”外必填)": "Note (required unless confirmed)",
    "核对, 不会提交": "Look first; nothing is sent",
    "没有等待确认的事项。确认单在退休前一个月发出后, 会出现在这里。": "Nothing is to be confirmed. A form appears here when it goes "
    "out, a month before the retirement.",
    "上传单位返回的名单": "Upload a list that an employer returned",
    "列: 办件编号(文本格式)、答复(确认无误、信息有误或不办理、转社区联系)、说明。一次最多 1000 行。": "Columns: case_no (as text), answer "
    "(matches, contradicts, hand_to_community), note. At most 1000 rows at once.",
    "上传核对, 不会提交": "Upload and look; nothing is sent",
    "请至少勾选一件。": "Tick at least one.",
    "名单不完整, 请重新勾选或上传。": "The list is not complete; tick or upload it again.",
    "一次最多 1000 行, 请分次上传。": "At most 1000 rows at once; upload it in parts.",
}

PARTS: Final[tuple[Mapping[str, str], ...]] = (FORM, DECLINED, LIST)
