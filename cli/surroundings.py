"""Which installation a command works on: what the settings name, else the demonstration that runs here.

A person who started `onething demo` in one window expects `onething events tail` in the next to show that
demonstration. Whoever names a database, in the environment or in `.env`, means that one and no other.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.leaving import Exit, Leave

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from demo.running import Running
    from store.database import Database
    from store.vault import Vault

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="ONETHING_STATE",
        show_default=".onething",
        help="演示环境目录 · Directory of the demonstration.",
    ),
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="ACCOUNT",
        help="演示账号 · As this account of the demonstration; elsewhere ONETHING_TOKEN_FILE says who it is.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="本次运行的设置(不得用于密钥) · A setting for this run; never a secret."
    ),
]

NO_DEMONSTRATION = (
    "演示组件未安装, 或不在此环境 The demonstration is not part of this installation."
    '\n安装 Install it: pip install "onething[demo]"'
)


def running_stack(state: Path | None) -> "Running | None":
    """The demonstration that runs on this directory, if any."""
    try:
        from demo.running import default_state, running
    except ModuleNotFoundError:
        return None
    return running(state or default_state())


def adopt(state: Path | None = None, *, settings: list[str] | None = None) -> Mapping[str, str]:
    """Let the settings be those of the running demonstration where nobody named others.

    Returns where each adopted name came from: "flag" or "demo".
    """
    origins: dict[str, str] = {}
    for entry in settings or ():
        name, equals, value = entry.partition("=")
        name = name.strip().upper()
        name = name if name.startswith("ONETHING_") else f"ONETHING_{name}"
        if not equals:
            raise Leave(Exit.USAGE, f"--set {entry}: 应为 NAME=VALUE · expected NAME=VALUE")
        if name not in known_settings():
            raise Leave(Exit.USAGE, f"--set {name}: 没有这项设置 · there is no such setting (onething config show)")
        if is_secret(name):
            raise Leave(Exit.USAGE, f"--set {name}: 密钥不得写在命令行 · a secret is never given on the command line")
        os.environ[name] = value
        origins[name] = "flag"
    if "ONETHING_DATABASE_URL" in os.environ or "ONETHING_DATABASE_URL" in in_env_file():
        return origins
    stack = running_stack(state)
    if stack is not None:
        given = in_env_file()
        for name, value in {**stack.environment, **stack.operator_environment}.items():
            if name not in os.environ and name not in given:
                os.environ[name] = value
                origins[name] = "demo"
    return origins


@contextmanager
def open_database() -> "Iterator[Database]":
    """The application's database, as the settings name it."""
    from store.database import Database
    from store.settings import StoreSettings

    database = Database.from_settings(StoreSettings())
    try:
        yield database
    finally:
        database.dispose()


def open_vault() -> "Vault":
    """The vault with the keys that the settings name; raises KeyRingFaulty."""
    from store.keys import KeyRing, read_key
    from store.settings import StoreSettings
    from store.vault import Vault

    settings = StoreSettings()
    return Vault(KeyRing.from_file(settings.vault_keys_file), read_key(settings.lookup_key_file))


def in_env_file() -> frozenset[str]:
    """The names that `.env` in the current directory sets, as pydantic-settings reads it."""
    if not Path(".env").is_file():
        return frozenset()
    from dotenv import dotenv_values

    return frozenset(name.upper() for name in dotenv_values(".env"))


def known_settings() -> "Mapping[str, type[BaseSettings]]":
    """Every setting's name and the class it belongs to."""
    found: dict[str, type[BaseSettings]] = {}
    for each in settings_classes():
        for name in each.model_fields:
            found.setdefault(f"{each.model_config.get('env_prefix', '')}{name}".upper(), each)
    return found


def settings_classes() -> "tuple[type[BaseSettings], ...]":
    """The settings of every part of the product."""
    from activities.settings import GatewaySettings, NoticeSettings
    from api.settings import ApiSettings
    from cli.settings import CommandSettings
    from store.settings import StoreSettings
    from workers.settings import WorkerSettings

    return (StoreSettings, ApiSettings, WorkerSettings, GatewaySettings, NoticeSettings, CommandSettings)


def is_secret(name: str) -> bool:
    """Whether this setting may hold a password; files that hold one may be named."""
    from pydantic import SecretStr

    owner = known_settings()[name]
    annotation = owner.model_fields[name.removeprefix("ONETHING_").lower()].annotation
    return SecretStr in (annotation, *getattr(annotation, "__args__", ()))
