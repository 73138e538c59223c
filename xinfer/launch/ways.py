"""The role of a worker's machine that nothing can connect to: it opens the ways to it itself."""

from __future__ import annotations

import logging
import signal

import gevent
import setproctitle
from gevent.event import Event

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.launch.life import launcher_is_gone
from xinfer.launch.worker import supervisor_url
from xinfer.worker.dialler import Dialler, Supervisor

log = logging.getLogger("xinfer.ways")

_LOOK_S = 1.0


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process."""
    setproctitle.setproctitle("xinfer: ways")
    ended = Event()
    gevent.signal_handler(signal.SIGTERM, ended.set)
    url = supervisor_url(settings)
    supervisor = Supervisor(url, settings.cluster.node, home.cluster_token)
    gevent.spawn(Dialler(supervisor.dial, home).run)
    log.info("This machine opens ways to %s.", url)
    while not ended.wait(_LOOK_S):
        if launcher_is_gone():
            log.warning("The launcher is gone; ending.")
            return
