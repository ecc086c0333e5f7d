"""`onething config show`: what every setting is, and who said so."""

import os
from typing import Any

import typer

from cli.screen import AsJson, Plain, show_json, show_table
from cli.surroundings import Set, State, adopt, in_env_file, is_secret, known_settings

app = typer.Typer(no_args_is_help=True, help="设置 · Settings.")

HIDDEN = "••••••"


@app.command("show", short_help="每项设置的值与来源 · Every setting and its origin.")
def show_all(settings: Set = None, as_json: AsJson = False, plain: Plain = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething config show
      onething config show --plain | grep -v default$
      onething config show --set API_PORT=9000

    每项设置的值与来源 · Every setting with its value and its origin. The first that names it wins:
    flag > env > .env > demo (the demonstration that runs here) > default. Secrets are never shown.
    """
    adopted = adopt(state, settings=settings)
    in_file = in_env_file()
    found: list[dict[str, Any]] = []
    for name, owner in known_settings().items():
        field = owner.model_fields[name.removeprefix("ONETHING_").lower()]
        values = _values_of(owner)
        value = values.get(name.removeprefix("ONETHING_").lower())
        origin = (
            adopted[name]
            if name in adopted
            else "env"
            if any(given.upper() == name for given in os.environ)
            else ".env"
            if name in in_file
            else "default"
        )
        found.append(
            {
                "name": name,
                "value": _shown(value, secret=is_secret(name)),
                "origin": origin,
                "description": field.description or "",
            }
        )
    if as_json:
        show_json(found)
        return
    show_table(
        ("设置 setting", "值 value", "来源 origin"),
        ((one["name"], "" if one["value"] is None else str(one["value"]), one["origin"]) for one in found),
        plain=plain,
        empty="没有设置 No settings.",
    )


def _values_of(owner: Any) -> dict[str, Any]:
    from pydantic import ValidationError

    try:
        read: Any = owner()
    except ValidationError:
        # Shown all the same: whoever looks here may be looking for the one that is wrong.
        return {
            name: os.environ.get(f"ONETHING_{name.upper()}", field.get_default(call_default_factory=True))
            for name, field in owner.model_fields.items()
        }
    return {name: getattr(read, name) for name in owner.model_fields}


def _shown(value: Any, *, secret: bool) -> Any:
    """An address is shown without its password; any other secret is not shown at all."""
    if value is None or (isinstance(value, int | float) and not secret):
        return value
    from pydantic import SecretStr

    text: str = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if not secret:
        return value if isinstance(value, dict | list) else text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text).render_as_string(hide_password=True)
    except ArgumentError:
        return HIDDEN
