"""The compose file keeps what the operator's page promises: nothing runs as root, unpinned, unwatched or misnamed."""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
OUR_PREFIX = "ONETHING_"
MODULES_WITH_SETTINGS = ("store.settings", "activities.settings", "workers.settings", "api.settings")
LOOKS_LIKE_A_SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|KEY")


@cache
def compose() -> dict[str, Any]:
    parsed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(parsed, dict)
    return parsed


def services() -> dict[str, dict[str, Any]]:
    found = compose()["services"]
    assert isinstance(found, dict)
    return found


def is_one_shot(service: dict[str, Any]) -> bool:
    """A job that ends: it is not started again once it has succeeded."""
    return str(service.get("restart", "no")).startswith(("no", "on-failure"))


def settings_names() -> set[str]:
    """Every environment variable that a settings class of ours reads."""
    return {name.upper() for module in MODULES_WITH_SETTINGS for name in _names_in(module)}


def _names_in(module_name: str) -> Iterator[str]:
    module = importlib.import_module(module_name)
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, BaseSettings) and value is not BaseSettings:
            prefix = value.model_config.get("env_prefix") or ""
            for name, field in value.model_fields.items():
                yield field.validation_alias if isinstance(field.validation_alias, str) else prefix + name


def test_it_says_no_version() -> None:
    assert "version" not in compose()


@pytest.mark.parametrize("name", services())
def test_every_service_has_a_health_check_or_ends(name: str) -> None:
    service = services()[name]
    assert ("healthcheck" in service) != is_one_shot(service)


@pytest.mark.parametrize("name", services())
def test_every_image_is_pinned(name: str) -> None:
    image = services()[name]["image"]
    assert re.search(r":v?\d+\.\d+(\.\d+)?[\w.-]*(@sha256:[0-9a-f]{64})?$", image), f"{image} names no exact version"


@pytest.mark.parametrize("name", services())
def test_nothing_runs_as_root_or_may_become_it(name: str) -> None:
    service = services()[name]
    user, _, group = str(service["user"]).partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["init"] is True


@pytest.mark.parametrize("name", [name for name in services() if name != "temporal-ui"])
def test_every_file_system_is_read_only(name: str) -> None:
    assert services()[name]["read_only"] is True


@pytest.mark.parametrize("name", services())
def test_what_is_waited_for_says_when_it_is_there(name: str) -> None:
    waits_for = services()[name].get("depends_on", {})
    for other, how in waits_for.items():
        expected = "service_completed_successfully" if is_one_shot(services()[other]) else "service_healthy"
        assert how == {"condition": expected}


@pytest.mark.parametrize("name", services())
def test_no_secret_stands_in_the_environment(name: str) -> None:
    for variable, value in services()[name].get("environment", {}).items():
        if LOOKS_LIKE_A_SECRET.search(variable):
            assert variable.endswith("_FILE")
            assert str(value).startswith("/run/secrets/")
        assert not re.search(r"://[^/@:]+:[^/@]+@", str(value)), f"{variable} carries a password"


@pytest.mark.parametrize("name", services())
def test_every_secret_that_is_read_is_given_and_every_one_given_is_declared(name: str) -> None:
    service = services()[name]
    given = set(service.get("secrets", ()))
    assert given <= set(compose()["secrets"])
    read = set(re.findall(r"/run/secrets/([\w-]+)", yaml.safe_dump(service)))
    assert read <= given


def test_every_secret_is_a_file_that_is_never_committed() -> None:
    assert all(set(secret) == {"file"} for secret in compose()["secrets"].values())
    assert "secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_only_this_machine_reaches_the_published_ports() -> None:
    for service in services().values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_every_setting_it_gives_is_one_that_we_read() -> None:
    given = {
        variable
        for service in services().values()
        for variable in service.get("environment", {})
        if variable.startswith(OUR_PREFIX)
    }
    assert given, "the services must be told something"
    assert given - settings_names() == set()


def test_the_image_runs_as_somebody_without_rights() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE)[-1] != "0"
    assert 'ENTRYPOINT ["onething"]' in dockerfile
    for image in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", image), f"{image} names no exact version"
