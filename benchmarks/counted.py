"""Run pvc, and write into the file that is named first how often it waited for the servers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pvc_cli.app import main
from pvc_cli.zk import live


class CountedStore(live.LiveStore):
    """A store that can be asked when the command that used it is over."""

    last: CountedStore

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        CountedStore.last = self


if __name__ == "__main__":
    live.LiveStore = CountedStore  # type: ignore[misc]
    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(str(CountedStore.last.round_trips))
    sys.exit(code)
