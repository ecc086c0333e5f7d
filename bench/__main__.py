"""`python -m bench`: every benchmark in its short form, figures on standard output."""

import json

from bench.newborn import newborn


def main() -> None:
    """Closed and open loop, with departments in the process and over HTTP."""
    for gateways in ("inline", "http"):
        for rate, count in ((None, 500), (5.0, 100)):
            figures = newborn(count=count, concurrency=50, rate=rate, gateways=gateways, fsync=True)
            print(json.dumps(figures, ensure_ascii=False, indent=2), flush=True)


if __name__ == "__main__":
    main()
