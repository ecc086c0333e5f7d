"""`onething db`: bring the tables to what this version needs, and say where they stand."""

from dataclasses import asdict

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, say, show, show_json
from cli.surroundings import State, adopt, open_database

app = typer.Typer(no_args_is_help=True, help="数据库结构 · The schema of the database.")


@app.command(short_help="升级表结构 · Run the migrations that are missing.")
def upgrade(state: State = None) -> None:
    """\b
    例 Examples:
      onething db upgrade
      ONETHING_MIGRATOR_DATABASE_URL=postgresql+psycopg://onething_migrator@db/onething onething db upgrade

    执行尚未执行的迁移 · Run the migrations that are missing; finds nothing to do when there are none.

    用拥有表结构的角色连接 · Connects as the role that owns the schema (ONETHING_MIGRATOR_DATABASE_URL,
    ONETHING_MIGRATOR_PASSWORD_FILE), and states the application role's rights anew.
    """
    adopt(state)
    from sqlalchemy.engine import make_url

    from store import schema
    from store.settings import StoreSettings

    settings = StoreSettings()
    if settings.migrator_database_url is None:
        raise Leave(
            Exit.USAGE,
            "未指定迁移角色 Which role owns the schema is not set: ONETHING_MIGRATOR_DATABASE_URL"
            "\n演示环境启动时自动迁移 A demonstration migrates when it starts: onething demo",
        )
    url = make_url(settings.migrator_database_url.get_secret_value())
    if settings.migrator_password_file is not None:
        url = url.set(password=settings.migrator_password_file.read_text("utf-8").strip())
    application = make_url(settings.database_url.get_secret_value())
    password = application.password
    if settings.database_password_file is not None:
        password = settings.database_password_file.read_text("utf-8").strip()
    where = url.render_as_string(hide_password=False)
    before = schema.status(where)
    schema.upgrade(where, app_role=application.username or "onething_app", app_password=password)
    after = schema.status(where)
    if before == after:
        say(f"已是最新 Up to date: {after.current}")
    else:
        say(f"已升级 Upgraded: {before.current or '(空 empty)'} → {after.current}")


@app.command(short_help="现状 · Where the schema stands.")
def status(as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething db status

    数据库处于哪一步 · Where the database stands; exit code 1 when this version cannot run on it.
    """
    adopt(state)
    from store import schema

    with open_database() as database:
        found = schema.status(database.conninfo())
    if as_json:
        show_json({**asdict(found), "up_to_date": found.up_to_date})
    else:
        show(f"{found.current or '(空 empty)'}\t{found.head}")
    if not found.up_to_date:
        raise Leave(Exit.FAILED, "需要升级 An upgrade is needed: onething db upgrade")
