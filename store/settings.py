"""What the store is told from outside, each with its unit and the reason of its default."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseSettings):
    """Settings of everything Postgres; every name is ONETHING_<FIELD> in the environment."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr("postgresql+psycopg://onething_app@localhost/onething"),
        description="The application role's database; it may not change or delete events.",
    )
    migrator_database_url: SecretStr | None = Field(
        default=None, description="The role that owns the schema; only `onething db upgrade` needs it."
    )
    database_password_file: Path | None = Field(
        default=None, description="Holds the password of database_url, where secrets come as files."
    )
    migrator_password_file: Path | None = Field(
        default=None, description="Holds the password of migrator_database_url, where secrets come as files."
    )
    database_pool_size: int = Field(
        default=12, ge=1, description="Connections a process keeps; two cores do no more work with more."
    )
    database_waits_seconds: float = Field(
        default=5.0, gt=0, description="How long a request waits for a connection before it is answered 503."
    )
    vault_keys_file: Path = Field(
        default=Path("secrets/vault-keys"),
        description="Key ring of the vault: lines `id base64(32 bytes)`, the first is current. Switching it loses people.",
    )
    lookup_key_file: Path = Field(
        default=Path("secrets/lookup-key"),
        description="base64(32 bytes) behind keyed hashes; changing it makes people and duplicates unfindable.",
    )
