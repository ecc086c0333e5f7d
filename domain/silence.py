"""逾期未确认的处理: what the unit that sends out a form has done when nobody answers it.

Whichever rule it sets, somebody asks the person; silence is never taken for consent.
"""

from enum import StrEnum


class SilenceRule(StrEnum):
    """Who asks the person once the limit has passed; a unit that has set none leaves it to the declaration."""

    COMMUNITY_CHECK = "community_check"  # 社区工作者打电话
    CASEWORKER = "caseworker"  # 经办人自己联系
