"""What the commands are told from outside: which API they speak to, and as whom."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommandSettings(BaseSettings):
    """Settings of the `onething` command itself; every name is ONETHING_<FIELD> in the environment."""

    model_config = SettingsConfigDict(env_prefix="ONETHING_", env_file=".env", extra="ignore", frozen=True)

    api_url: str | None = Field(
        default=None, description="The API that `case` and `run` speak to; without it the demonstration's."
    )
    token: SecretStr | None = Field(default=None, description="Bearer token for that API.")
    token_file: Path | None = Field(default=None, description="Holds the token, where secrets come as files.")
    state: Path = Field(default=Path(".onething"), description="Where a demonstration keeps everything.")
