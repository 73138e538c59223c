"""The program of a role process: `python -m xinfer.launch.role supervisor|worker|ways HOME`."""

from gevent import monkey

# Before anything else is imported: modules must never see the blocking primitives.
monkey.patch_all()

import logging  # noqa: E402
import logging.handlers  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from xinfer.domain.home import Home  # noqa: E402
from xinfer.errors import XinferError  # noqa: E402
from xinfer.launch.launcher import REFUSED  # noqa: E402
from xinfer.launch.role_log import role_log  # noqa: E402
from xinfer.launch.settings_file import read_settings  # noqa: E402


def main(argv: list[str]) -> int:
    """Serve one role until a signal. Exit status REFUSED when it cannot start and has said why."""
    role, home = argv[1], Home(Path(argv[2]))
    try:
        settings = read_settings(home)
        _start_logging(home, role, settings.log.level)
        # Imported here because each role needs only its half.
        if role == "supervisor":
            from xinfer.launch.supervisor import serve
        elif role == "ways":
            from xinfer.launch.ways import serve
        else:
            from xinfer.launch.worker import serve
        serve(home, settings)
    except XinferError as error:
        logging.getLogger("xinfer").error("The %s cannot start: %s", role, error)
        return REFUSED
    return 0


def _start_logging(home: Home, role: str, level: str) -> None:
    """All to the role's file; warnings, or everything when debugging, to the terminal too."""
    # Goes on in a new file when the launcher has put the old one aside.
    file = logging.handlers.WatchedFileHandler(role_log(home, role), delay=True)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    terminal.setFormatter(logging.Formatter("xinfer %(name)s: %(message)s"))
    file.setFormatter(
        logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[file, terminal])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
