"""`python -m tests.components [PORT]`: the component page for a look by hand, until Ctrl-C."""

from __future__ import annotations

import sys
import threading

import django

from tests import environment


def main() -> None:
    environment.prepare()
    django.setup()
    from tests.components.page import served

    with served(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as address:
        print(address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
