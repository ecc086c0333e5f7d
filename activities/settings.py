"""What the gateways are told from outside: where departments, registers and desks are, how long they are waited for."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """Settings of the calls to departments and registers; every name is ONETHING_<FIELD> in the environment."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    shared_data_url: str = Field(
        default="http://127.0.0.1:8701", description="The data-sharing platform (数据共享平台)."
    )
    departments_url: str = Field(
        default="http://127.0.0.1:8702",
        description="Where departments are, each under its own code; `department_urls` overrides single ones.",
    )
    department_urls: dict[str, str] = Field(
        default_factory=dict, description='Addresses of single departments, as JSON: {"tax": "https://…"}.'
    )
    gateway_token_file: Path | None = Field(
        default=None, description="Holds the bearer token shown to platform and departments."
    )
    at_once_seconds: float = Field(
        default=1.0, gt=0, le=5, description="What is not answered within this is left to a patient activity."
    )
    answer_within_seconds: float = Field(
        default=10.0,
        gt=0,
        le=25,
        description="Total deadline of one call, not per read, so that a trickle of bytes cannot hold a slot.",
    )
    answer_bytes_at_most: int = Field(
        default=1_000_000, gt=0, description="A longer answer is cut off and counts as unreadable."
    )
    calls_at_once: int = Field(
        default=32, gt=0, description="Slots per department or register, so that one cannot use up all."
    )
    register_tries: int = Field(
        default=5, gt=0, description="Tries before a register counts as unreachable and the next route takes over."
    )
    department_tries: int = Field(
        default=3, gt=0, description="Tries before a case says that its department is unreachable; trying goes on."
    )
    breaker_failures: int = Field(
        default=5, gt=0, description="Failures in a row after which a department is paused for everybody."
    )


class NoticeSettings(BaseSettings):
    """Settings of what tells people that something waits for them; every name is ONETHING_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    notices_adapter: Literal["log", "http"] = Field(
        default="log",
        description="How notices are sent: http to a todo or short-message service; log only writes that there is one.",
    )
    notices_url: str | None = Field(
        default=None, description="Where that service takes cards, under /cards; needed for http."
    )
    notices_token_file: Path | None = Field(
        default=None, description="Holds the bearer token shown to that service; departments have another."
    )
    notices_link_url: str = Field(
        default="http://127.0.0.1:8000/v",
        description="The page of one-time links as people outside reach it; the link's token is added. Short, for SMS.",
    )
    notices_answer_within_seconds: float = Field(
        default=4.0, gt=0, le=5, description="Total deadline of one notice; the database is held for as long."
    )
    notices_answer_bytes_at_most: int = Field(
        default=10_000, gt=0, description="A longer answer is cut off and counts as unreadable."
    )
    notices_at_once: int = Field(
        default=32, gt=0, le=200, description="Notices sent side by side, each of another card."
    )
    notices_poll_seconds: float = Field(
        default=1.0, gt=0, description="How often unsent notices are looked for when nothing wakes the sender."
    )

    @model_validator(mode="after")
    def _http_has_an_address(self) -> Self:
        if self.notices_adapter == "http" and not self.notices_url:
            raise ValueError("notices_url: 采用 http 时必填 · required when notices_adapter is http")
        return self
