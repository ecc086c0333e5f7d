"""What the API is told from outside, each with its unit and the reason of its default."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiSettings(BaseSettings):
    """Settings of the HTTP process; every name is ONETHING_<FIELD> in the environment."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    api_host: str = Field(
        default="127.0.0.1", description="Where to listen; a reverse proxy with a certificate stands in front."
    )
    api_port: int = Field(default=8000, ge=0, le=65535, description="The port; 0 takes a free one.")
    api_reuse_port: bool = Field(
        default=False,
        description="Lets several API processes share one port; off, so that a second start by mistake is noticed.",
    )
    request_bytes_at_most: int = Field(
        default=1_000_000,
        gt=0,
        description="The longest body but for files; the fullest application has a few kilobytes.",
    )
    request_arrives_within_seconds: float = Field(
        default=20.0,
        gt=0,
        description="How long a body may take to arrive, so that nobody is kept waiting by a trickle.",
    )
    threads: int = Field(
        default=24,
        gt=0,
        description="Requests worked on at once; more than the pool's connections, which are the limit.",
    )
    connections_at_most: int = Field(
        default=2_000, gt=0, description="Open connections; above it new ones are answered 503."
    )
    shutdown_grace_seconds: float = Field(
        default=20.0, ge=0, description="What a stopping process may still answer; below the container's grace."
    )
    session_secure_cookie: bool = Field(
        default=True,
        description="Send the session cookie over HTTPS only; off for a demonstration without a certificate.",
    )
    feed_polls_seconds: float = Field(
        default=0.2, gt=0, description="How often the event feed is looked at while somebody listens to it."
    )
    feed_heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="How often a silent stream says that it lives; proxies cut off at 30 or 60."
    )
    log_format: str = Field(default="auto", pattern="^(auto|json|console)$", description="auto: JSON unless on a TTY.")
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="The least that is told."
    )
