"""The words of questions to people (核验用语): of an inbox, of a question, of a one-time link, and of the ladder of a proof."""

from collections.abc import Mapping
from typing import Final

ROUTES_AND_ANSWERS: Final = {
    "部门核验": "Department",
    "社区核实": "Community",
    "告知承诺": "Commitment",
    "一致": "Matches",
    "查无此记录": "No record",
    "转社区核实": "Hand to the community",
    "与本单位掌握的情况相同": "what we hold says the same",
    "与本单位掌握的情况不同": "what we hold says otherwise",
    "本单位没有这个人或这件事的记录": "we hold nothing about this person or matter",
    "本单位无从核实, 社区可能了解": "we cannot tell; the community may know",
    "一次性链接": "a one-time link",
}

LADDER: Final = {
    "不再等待": "no longer waited for",
    "已越过": "passed over",
    "之后": "next",
    "承办 {account}": "with {account}",
    "本单位待领": "in the unit's queue",
    "迟到的答复": "Late answer",
    "电话": "telephone",
    "迟到的答复与已有结果不一致": "A late answer contradicts what was decided",
    "这些答复到达时, 证明已由其他环节处理。答复已留存; 请核对, 必要时联系部门或申请人。": "When these answers came, others had "
    "dealt with the proof. They are kept; please compare, and call the department or the applicant if need be.",
    "“{part}”: {account} 答复“{answer}”": "{part}: {account} answered: {answer}",
    "告知承诺: {part}": "Commitment: {part}",
    "向申请人告知": "Tell the applicant:",
    "不实承诺的后果": "If it is not true:",
    "申请人的决定": "What the applicant decides",
    "签署承诺": "Signs",
    "视为已证明, 事项继续办理": "taken as shown; the items go on",
    "不承诺": "Declines",
    "改由部门核验, 不影响任何权利": "the department verifies instead; nothing is lost",
    "承诺书内容(签署时必填, 照签署的原文)": "The letter, word for word (required when signed)",
    "提交申请人的决定": "Send the applicant's decision",
    "请选择申请人的决定。": "Choose what the applicant decided.",
    "请照录申请人签署的承诺书, 2 至 5000 字。": "Copy the letter that was signed, 2 to 5000 characters.",
    "申请人没有承诺, 请勿填写承诺书。": "The applicant declined; leave the letter empty.",
    "承诺书: ": "Letter: ",
    "提级, 不再等待": "Wait no longer",
    "提级后由经办人认定; 原承办人的待办会撤回, 之后的答复仍会留存。": "A caseworker decides instead. Whoever was asked is told; "
    "an answer that still comes is kept.",
    "提级理由": "Why not wait",
    "提级": "Take it up",
    "“{part}”已提级, 不再等待答复, 现由经办人认定。原承办人已收到撤回提醒。": "{part} is no longer waited for; a caseworker decides. "
    "Whoever was asked has been told.",
    "申请人已就“{part}”签署承诺, 承诺书已存档。需要它的事项继续办理。": "The applicant signed for {part}. The letter is kept, and "
    "the items that need it go on.",
    "申请人未就“{part}”作出承诺, 已转由其他方式核实, 不影响申请人的任何权利。": "The applicant declined to sign for {part}; others "
    "verify it, and the applicant loses nothing.",
    "谁的时间": "Whose time",
    "每一刻都记在当时手中有最久事项的一方, 合计等于已用时间。": "Each moment belongs to whoever then had the item that had waited "
    "longest; together it is the time used.",
    "在谁手中": "With whom",
    "时:分:秒": "h:min:s",
    "占比": "Share",
    "合计": "Together",
}

INBOX: Final = {
    "没有待答复的核验。部门或社区被问到时, 会立即出现在这里。": "Nothing is to be answered. A question to your unit appears here "
    "at once.",
    "没有在您手中的核验。您认领或被指派后, 会出现在这里。": "You have none. What you claim or are handed appears here.",
    "没有待认领的核验。": "None waits to be claimed.",
    "同事手中没有核验。": "Your colleagues have none.",
    "一小时内没有到期的核验。": "None is due within the hour.",
    "没有中止计时的核验。": "No clock stands still.",
    "没有迟到或不一致的答复。": "No answer came late or contradicted.",
    "还没有已结束的核验。": "None has ended yet.",
    "公民身份号码": "Citizen ID number",
    "护照号码": "Passport number",
    "手机号码": "Mobile number",
    "这不是办件编号。按身份号码或手机号码查找, 请用下面的“按当事人查找”。": "This is not a case number. To look for a person's "
    "number, use the form below.",
    "请选择号码种类, 填写完整号码, 并写明理由(2 至 500 字)。": "Choose the kind of number, type the whole of it, and say why (2 to "
    "500 characters).",
    "请至少勾选一项。": "Tick at least one.",
    "请选择分派给谁。": "Choose to whom.",
    "请写明分派理由, 2 至 500 字。": "Say why you hand it out, 2 to 500 characters.",
    "已分派 {count} 项, 新的承办人已收到提醒, 原时限继续计算。": "Handed out: {count}. Whoever has them now was told; the limits "
    "run on.",
    "有 {count} 项没有分派:": "Not handed out: {count}",
    "其余 {count} 项已分派。": "The other {count} were.",
    "查看": "Look",
    "在“{queue}”中按办件编号或证明名称查找": "Case number or proof, in: {queue}",
    "按当事人查找": "Find by person",
    "查找和理由会记入查询日志, 当事人可以查询。须填写完整号码。": "The search and its reason go to the access log, which the person "
    "may ask for. Type the whole number.",
    "号码种类": "Kind of number",
    "号码": "Number",
    "为什么查找": "Why you look",
    "找到 {count} 项, 均在“{queue}”中。": "Found: {count}, in: {queue}.",
    "返回队列": "Back to the queue",
    "批量分派勾选的核验": "Hand out what is ticked",
    "分派给": "To",
    "请选择": "Choose",
    "分派理由": "Why",
    "分派": "Hand out",
    "按队列查看": "View by queue",
    "勾选": "Tick",
    "方式": "Route",
    "承办": "With",
    "截止": "Due",
    "即办": "immediate",
    "我": "me",
    "待领": "unclaimed",
    "值守, 未认领": "on duty, not claimed",
    "迟到": "late",
    "没有找到。请核对号码, 或换一个队列。": "Nothing found. Check the number, or try another queue.",
}

QUESTION: Final = {
    "答复已记入办件: 该证明已核实, 需要它的事项继续办理。": "Your answer is on record: the proof is shown, and the items that need "
    "it go on.",
    "答复已记入办件: 与申报不一致, 由经办人认定。经办人已收到提醒。": "Your answer is on record: it contradicts what was declared. "
    "A caseworker was told and decides.",
    "答复已记入办件, 转由下一环节核实。": "Your answer is on record; the next one is asked.",
    "该证明已由其他环节处理; 您的答复已留存, 不改变结果。": "Others have dealt with this proof; your answer is kept and changes "
    "nothing.",
    "已认领, 现由您承办。时限继续计算。": "It is yours now. The limit runs on.",
    "已退回本单位, 由同事认领。时限继续计算。": "It is back in the unit's queue. The limit runs on.",
    "已移交, 同事已收到提醒。时限继续计算。": "Handed over; your colleague was told. The limit runs on.",
    "已收回, 理由已记入办件。新的承办人或本单位已收到提醒。": "Taken back; your reason is on record, and whoever has it now was told.",
    "已中止计时, 理由已记入办件。恢复计时后, 剩余时限不变。": "The clock stands still; your reason is on record. What is left of the "
    "limit stays as it is.",
    "已恢复计时, 剩余时限不变。": "The clock runs again; what was left of the limit is left still.",
    "请选择一个答复。": "Choose an answer.",
    "请写明与谁通话。": "Say with whom you spoke.",
    "请填写通话的电话号码, 手机或带区号的固定电话。": "Give the number: a mobile, or a landline with its area code.",
    "请填写通话时间, 不早于本项核验发出, 不晚于现在。": "Give the time of the call, not before the question was sent and not later than now.",
    "请写明对方说了什么, 2 至 1000 字。": "Say what you were told, 2 to 1000 characters.",
    "请选择同事。": "Choose a colleague.",
    "已由 {account} 于 {moment} 答复, 您的提交没有生效。": "{account} answered on {moment}; yours did not take effect.",
    "已由 {account} 答复, 您的提交没有生效。": "{account} has answered; yours did not take effect.",
    "{account} 已于 {moment} 认领, 您的提交没有生效。需由其移交, 或由负责人收回。": "{account} has had it since {moment}; yours did not "
    "take effect. They may hand it over, or a superior may take it back.",
    "该核验已于 {moment} 撤回, 无需答复。": "This question was withdrawn on {moment}; no answer is needed.",
    "您填写的内容保留如下, 可以复制:": "What you typed is kept here, to copy:",
    "没有可以显示的申报内容。": "There is nothing declared to compare with.",
    "您的答复": "Your answer",
    "理由(除“一致”外必填: 查了什么, 哪里不同)": "Reason (required unless it matches: what you looked up, what differs)",
    "电话核实的, 请记录通话": "If you asked by telephone, record the call",
    "与谁通话": "With whom you spoke",
    "电话号码": "Telephone number",
    "通话时间": "When",
    "对方说了什么": "What you were told",
    "提交答复": "Answer",
    "这是第一个环节, 之前没有问过别人。": "This is the first rung; nobody was asked before.",
    "依据 {basis}": "by {basis}",
    "第 {number} 环节, 共 {count} 环节": "rung {number} of {count}",
    "时限已用 {percent}%": "{percent}% of the limit used",
    "答复": "Answer",
    "答复人": "Answered by",
    "无人答复": "nobody",
    "撤回": "withdrawn",
    "请对照核实的申报内容": "What was declared, to compare with",
    "查看已记入查询日志, 仅用于本项核验。": "That you looked is in the access log; for this question only.",
    "时限已过, 证明已转下一环节。您的答复仍会留存; “一致”可以结束核验, “不一致”由经办人处理。": "The limit is over and the next one "
    "is asked. Your answer is kept all the same: a match still settles it, a contradiction goes to a caseworker.",
    "补充答复": "Added afterwards",
    "找到了记录? 可以补充答复": "Found the record? You may add to your answer",
    "本人或单位已确认? 可以补充答复": "Have they confirmed it? You may add to your answer",
    "重新查看申报内容并补充答复": "Look at what was declared once more, and add to the answer",
    "之前的答复保留。补充“一致”可以结束仍在等待的核验, 补充“不一致”由经办人处理。": "Your first answer is kept. A match settles "
    "what is still waited for; a contradiction goes to a caseworker.",
    "之前的答复保留。补充“确认无误”可以结束仍在等待的联系, 其他由经办人处理。": "Your first answer is kept. A confirmation settles "
    "what is still waited for; anything else goes to a caseworker.",
    "{account} 自 {moment} 起承办。需由其答复或移交, 或由负责人收回。": "{account} has had it since {moment}. They answer or hand it "
    "over, or a superior takes it back.",
    "该核验已撤回, 无需答复: 申请有变更, 或已由其他环节认定。": "This question was withdrawn; no answer is needed: the application "
    "changed, or somebody else has decided.",
    "已作的答复": "What was answered",
    "电话: 与 {person}({number})通话": "By telephone with {person} ({number})",
    "之前问过谁": "Who was asked before",
    "查看办件": "See the case",
    "认领": "Claim",
    "退回本单位": "Put back into the queue",
    "移交同事": "Hand over",
    "移交给": "To",
    "移交": "Hand over",
    "收回或改派": "Take back or reassign",
    "改派给": "To",
    "退回本单位待领": "Back into the unit's queue",
    "收回理由": "Why",
    "收回": "Take back",
    "恢复计时": "Start the clock again",
    "中止计时": "Stop the clock",
    "只在无法继续核实时使用。理由会记入办件, 申请人可以看到时限已中止。": "Only where you cannot go on. The reason is on record, and the "
    "applicant sees that the clock stands still.",
    "中止理由": "Why",
    "选择答复": "choose an answer",
}

LINK: Final = {
    "请您核实": "Please verify",
    "{unit}: 请核实下面的情况是否属实。": "{unit}: please say whether this is so.",
    "请在此之前答复:": "Please answer by",
    "本链接只能答复一次, 请勿转发。查看已记入查询日志, 仅用于本项核验。": "This link can be answered once; do not pass it on. "
    "That it was opened is in the access log; for this question only.",
    "链接不完整或已失效": "This link is incomplete, or no longer valid",
    "请从收到的消息中重新打开完整的链接; 如仍不能打开, 请致电发来链接的单位。": "Open the whole link from the message once more; if it "
    "still does not open, call the office that sent it.",
    "链接已使用或已过期": "This link was used, or its time is over",
    "谢谢, 已收到答复": "Thank you, your answer was received",
    "可以关闭本页。本链接不能再次使用。": "You may close this page. The link cannot be used again.",
    "已经答复过了": "It has been answered",
    "{account} 于 {moment} 办结了这项核验, 不需要再答复。": "{account} closed this question on {moment}; no answer is needed.",
    "{account} 办结了这项核验, 不需要再答复。": "{account} closed this question; no answer is needed.",
    "不需要再答复": "No answer is needed any more",
    "这项核验已于 {moment} 撤回: 申请有变更, 或已由其他环节认定。": "This question was withdrawn on {moment}: the application changed, "
    "or somebody else has decided.",
    "答复时间已过": "The time to answer is over",
    "这项核验的时限是 {moment}。": "The answer was due on {moment}.",
    "请联系本单位的承办人答复。": "Ask the officer of your unit to answer.",
    "现在的情况:": "How it stands now:",
    "这项核验现已办结, 不需要再答复。": "The question is settled; no answer is needed.",
    "没有提交。您填写的内容保留如下, 可以复制:": "Not sent. What you typed is kept here, to copy:",
}

PARTS: Final[tuple[Mapping[str, str], ...]] = (ROUTES_AND_ANSWERS, LADDER, INBOX, QUESTION, LINK)
