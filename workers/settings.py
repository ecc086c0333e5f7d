"""What worker and relay are told from outside, each with its unit and the reason of its default."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """Settings of the long-running processes; every name is ONETHING_<FIELD> in the environment."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    temporal_address: str = Field(default="127.0.0.1:7233", description="Where the Temporal server is.")
    temporal_namespace: str = Field(default="default", description="One namespace per environment.")
    task_queue: str = Field(default="onething-desk", description="Desk work; scans have a queue of their own.")
    scan_districts: list[str] = Field(
        default_factory=list,
        description="Districts whose registers are read every night, as JSON; none: nobody is found ahead of time.",
    )
    payload_keys_file: Path = Field(
        default=Path("secrets/payload-keys"),
        description="Key ring of Temporal payloads; old keys stay as long as histories live.",
    )
    workflow_tasks_at_once: int = Field(
        default=16, gt=1, description="Above this, a burst only makes every workflow task late."
    )
    activities_at_once: int = Field(
        default=200, gt=0, description="Patient steps at once; each department has fewer slots of its own."
    )
    cached_workflows: int = Field(
        default=1_000, ge=0, description="A waiting case outside the cache costs one replay when news comes."
    )
    relay_batch: int = Field(default=64, gt=0, description="Outbox rows told in one transaction.")
    relay_polls_seconds: float = Field(
        default=1.0, gt=0, description="How often the outbox is looked at when no notice comes."
    )
    workflow_task_seconds: float = Field(
        default=10.0, ge=5, description="A worker killed in the middle of a task is missed after this."
    )
    shutdown_grace_seconds: float = Field(
        default=20.0, ge=0, description="What a stopping worker may still finish; below the container's grace."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Where the worker's metrics are served; they hold no personal data."
    )
    metrics_port: int | None = Field(
        default=None, description="The port of the worker's Prometheus metrics; none by default."
    )
    log_format: str = Field(default="auto", pattern="^(auto|json|console)$", description="auto: JSON unless on a TTY.")
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="The least that is told."
    )
