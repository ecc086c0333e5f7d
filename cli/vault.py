"""`onething vault`: make the keys of a new house, and change the key under which every person's own key is kept."""

from pathlib import Path
from typing import Annotated

import typer

from cli.screen import AsJson, say, show_json
from cli.surroundings import State, adopt, open_database, open_vault

app = typer.Typer(no_args_is_help=True, help="个人信息保险库 · The vault of personal data.")

WRAPPED_AT_ONCE = 500


@app.command("new-keys", short_help="新建密钥文件 · Make the key files of a new house.")
def new_keys(
    directory: Annotated[Path, typer.Argument(help="存放目录 · Where they are kept.")] = Path("secrets"),
) -> None:
    """\b
    例 Examples:
      onething vault new-keys secrets

    生成保险库、检索与载荷密钥, 已有的不覆盖 · Makes vault-keys, lookup-key and payload-keys; never overwrites one.
    """
    from store.keys import KeyRing, write_key

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("vault-keys", "lookup-key", "payload-keys"):
        file = directory / name
        if file.exists():
            say(f"已有 Already there: {file}")
        elif name == "lookup-key":
            write_key(file)
            say(f"已生成 Made: {file}")
        else:
            KeyRing.fresh().write(file)
            say(f"已生成 Made: {file}")
    say("丢失 vault-keys 就丢失全部个人信息, 请另行备份 · Losing vault-keys loses every person; keep a copy elsewhere.")


@app.command(short_help="轮换密钥 · Rotate the key of keys.")
def rewrap(as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      1. 在密钥文件首行加一把新钥匙 · put a new line on top of ONETHING_VAULT_KEYS_FILE:
           echo "k2 $(head -c 32 /dev/urandom | base64)" | cat - secrets/vault-keys > new && mv new secrets/vault-keys
      2. 重启各进程 · restart API and workers, so that all of them know it
      3. onething vault rewrap
      4. 删去旧行 · take the old line away

    轮换密钥 · Rotate: wrap each person's key with the first key of the ring. May be interrupted and run again.
    """
    adopt(state)
    vault = open_vault()
    rewrapped = 0
    with open_database() as database:
        while True:
            with database.begin() as connection:
                some = vault.rewrap(connection, WRAPPED_AT_ONCE)
            if not some:
                break
            rewrapped += some
            say(f"已轮换 Rewrapped: {rewrapped}")
    if as_json:
        show_json({"rewrapped": rewrapped})
    say(
        f"完成 Done: {rewrapped} 把钥匙 keys. 旧行可以删去 The old line may go."
        if rewrapped
        else "无需轮换 Nothing to do."
    )
