"""`onething vault`: change the key under which every person's own key is kept."""

import typer

from cli.screen import AsJson, say, show_json
from cli.surroundings import State, adopt

app = typer.Typer(no_args_is_help=True, help="个人信息保险库 · The vault of personal data.")

WRAPPED_AT_ONCE = 500


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
    from store.settings import StoreSettings
    from workers.running import open_store

    store = open_store(StoreSettings())
    rewrapped = 0
    while True:
        with store.database.begin() as connection:
            some = store.vault.rewrap(connection, WRAPPED_AT_ONCE)
        rewrapped += some
        if not some:
            break
        say(f"已轮换 Rewrapped: {rewrapped}")
    if as_json:
        show_json({"rewrapped": rewrapped})
    say(
        f"完成 Done: {rewrapped} 把钥匙 keys. 旧行可以删去 The old line may go."
        if rewrapped
        else "无需轮换 Nothing to do."
    )
