"""The public API as the commands use it: the same door as any other program's, with no way round it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from cli.leaving import Exit, Leave
from cli.settings import CommandSettings
from cli.surroundings import running_stack

if TYPE_CHECKING:
    import httpx2

    from demo.running import Running

V1: Final = "/api/v1"
ANSWERS_WITHIN_SECONDS: Final = 30.0
FILES_AS: Final = "desk"
"""The demonstration's account that applications are filed with."""

_EXITS: Final = {404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 412: Exit.CONFLICT, 503: Exit.UNAVAILABLE}


class Problem(Leave):
    """The API said no; `told` is its problem+json."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        self.status = status
        self.told = told
        lines = [*dict.fromkeys((told.get("detail_zh", ""), told.get("detail", "")))]
        lines += [
            f"  {fault.get('pointer') or fault.get('parameter') or '/'}: {fault.get('detail_zh', '')} · {fault['detail']}"
            for fault in told.get("errors", ())
            # A refusal that is about the whole application has said its sentence already.
            if fault.get("detail") != told.get("detail")
        ]
        if case_no := told.get("case_no"):
            lines.append(f"  onething case show {case_no}")
        super().__init__(_EXITS.get(status, Exit.FAILED), "\n".join(filter(None, lines)) or f"HTTP {status}")


@dataclass
class Service:
    """One API, seen as one account; a context manager."""

    url: str
    client: "httpx2.Client"

    @classmethod
    def at(cls, url: str, token: str) -> Self:
        """The API at that address with that token."""
        import httpx2

        ours = any(url.startswith(f"http://{host}") for host in ("127.0.0.1", "localhost", "[::1]"))
        client = httpx2.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=ANSWERS_WITHIN_SECONDS,
            # A proxy set for the way out of the house must not be asked about our own loopback.
            trust_env=not ours,
        )
        return cls(url, client)

    @classmethod
    def found(cls, state: Path | None, stack: "Running | None" = None, *, account: str = FILES_AS) -> Self:
        """The API that the settings name, else the running demonstration's; as whom the settings say, else as that account.

        Raises Leave with what to do.
        """
        settings = CommandSettings()
        token = _token(settings)
        if settings.api_url is not None:
            if token is not None:
                return cls.at(settings.api_url, token)
            raise Leave(Exit.USAGE, "ONETHING_API_URL 需要令牌 needs a token: ONETHING_TOKEN_FILE, ONETHING_TOKEN")
        stack = stack or running_stack(state)
        if stack is None or not stack.api_urls:
            raise Leave(
                Exit.UNAVAILABLE,
                "没有可用的接口 No API is known. 启动演示 Start a demonstration: onething demo"
                "\n或指定 Or name one: ONETHING_API_URL, ONETHING_TOKEN_FILE",
            )
        return cls.at(stack.api_urls[0], token or stack.token_of(account))

    def get(self, path: str, *, seen: str | None = None, **query: Any) -> "httpx2.Response":
        """Ask; `seen` is the ETag of what is known already (the answer is then 304). Raises Problem, Leave."""
        headers = {"if-none-match": seen} if seen else {}
        return self._answered("GET", path, params=query, headers=headers)

    def post(self, path: str, content: bytes, *, key: str) -> "httpx2.Response":
        """Send; the key makes a repetition harmless. Raises Problem, Leave."""
        headers = {"content-type": "application/json", "idempotency-key": key}
        return self._answered("POST", path, content=content, headers=headers)

    def _answered(self, method: str, path: str, **request: Any) -> "httpx2.Response":
        import httpx2

        try:
            response = self.client.request(method, f"{V1}{path}", **request)
        except httpx2.HTTPError as fault:
            raise Leave(
                Exit.UNAVAILABLE,
                f"接口 {self.url} 无应答 The API does not answer: {type(fault).__name__}"
                "\n诊断 Diagnose with: onething doctor",
            ) from None
        if response.status_code >= 400:
            try:
                told = response.json()
            except ValueError:
                told = {"detail": f"HTTP {response.status_code}"}
            raise Problem(response.status_code, told)
        return response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


def _token(settings: CommandSettings) -> str | None:
    if settings.token_file is None:
        return None if settings.token is None else settings.token.get_secret_value()
    try:
        token = settings.token_file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        raise Leave(
            Exit.USAGE,
            f"ONETHING_TOKEN_FILE={settings.token_file}: 没有可用的令牌 The file cannot be read, or holds no token.",
        )
    return token


def api_url_of(state: Path | None = None) -> str:
    """Where the API should be: as the settings name it, the demonstration's, or where `onething serve` would listen."""
    settings = CommandSettings()
    if settings.api_url is not None:
        return settings.api_url.rstrip("/")
    stack = running_stack(state)
    if stack is not None and stack.api_urls:
        return stack.api_urls[0]
    from api.settings import ApiSettings

    return f"http://127.0.0.1:{ApiSettings().api_port}"
