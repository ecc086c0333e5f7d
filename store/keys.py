"""Key rings: named 256-bit keys from a file, the first of which seals, all of which open.

A ring is rotated by putting a new line on top; old lines stay for as long as anything sealed with
them is to be read.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Final, Self

KEY_BYTES: Final = 32


class KeyRingFaulty(ValueError):
    """The key file is missing or malformed; names the file's fault, never its content."""


@dataclass(frozen=True)
class KeyRing:
    """`current` seals; `keys` open."""

    current: str
    keys: Mapping[str, bytes]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads lines `id base64(32 bytes)`; raises KeyRingFaulty."""
        try:
            lines = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as fault:
            raise KeyRingFaulty(f"cannot read the key file {path.name}: {type(fault).__name__}") from None
        keys: dict[str, bytes] = {}
        for line in lines:
            if len(line) != 2:
                raise KeyRingFaulty(f"a line of {path.name} is not `id key`")
            keys[line[0]] = _key(line[1], path)
        if not keys:
            raise KeyRingFaulty(f"{path.name} holds no key")
        return cls(lines[0][0], keys)

    @classmethod
    def fresh(cls, name: str = "k1") -> Self:
        """A ring with one new key."""
        return cls(name, {name: token_bytes(KEY_BYTES)})

    def write(self, path: Path) -> None:
        """Write the ring to a file that only its owner may read; never overwrites one."""
        lines = [(self.current, self.keys[self.current])]
        lines += [(name, key) for name, key in self.keys.items() if name != self.current]
        path.touch(mode=0o600, exist_ok=False)
        path.write_text("".join(f"{name} {b64encode(key).decode()}\n" for name, key in lines), "ascii")


def read_key(path: Path) -> bytes:
    """One key from a file of base64(32 bytes); raises KeyRingFaulty."""
    try:
        return _key(path.read_text("ascii").strip(), path)
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyRingFaulty(f"cannot read the key file {path.name}: {type(fault).__name__}") from None


def write_key(path: Path) -> None:
    """Write one new key to a file that only its owner may read; never overwrites one."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(b64encode(token_bytes(KEY_BYTES)).decode() + "\n", "ascii")


def _key(text: str, path: Path) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyRingFaulty(f"{path.name} must hold base64 of {KEY_BYTES} bytes")
    return key
