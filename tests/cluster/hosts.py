"""Hosts of their own on one machine: network namespaces on a bridge, each with an address."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.process.appliance import BIN, MARK, wait_until

_NUMBERS = itertools.count(1)


def can_have_hosts() -> bool:
    return os.geteuid() == 0 and shutil.which("ip") is not None


def can_have_nat() -> bool:
    return can_have_hosts() and shutil.which("nft") is not None


_NAT = """\
table ip nat {
  chain leaving {
    type nat hook postrouting priority 100
    oifname "eth0" masquerade
  }
}
table ip guard {
  chain passing {
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    iifname "inside" accept
  }
}
"""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    """A bridge that all hosts hang on; the tests reach them from this side of it."""

    def __init__(self, folder: Path) -> None:
        number = os.getpid() % 200
        self.name = f"xi{os.getpid() % 100000}n{next(_NUMBERS)}"
        self.base = f"10.{77 + next(_NUMBERS) % 100}.{number}"
        self.folder = folder
        self.hosts: list[Host] = []
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self.base}.254/24", "dev", self.name)
        _ip("link", "set", self.name, "up")

    def host(self, name: str) -> Host:
        made = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(made)
        return made

    def destroy(self) -> None:
        for host in self.hosts:
            host.destroy()
        _ip("link", "del", self.name)


class Host:
    """A machine with its own network, home folder and processes."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name = name
        self.address = f"{network.base}.{number}"
        self.home = network.folder / name / "home"
        self.output = network.folder / name / "output.txt"
        self.mark = uuid.uuid4().hex
        self._space = f"{network.name}h{number}"
        self._link = f"{network.name}v{number}"
        self._links = [self._link]
        self.output.parent.mkdir(parents=True)
        _ip("netns", "add", self._space)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._space)
        _ip("link", "set", self._link, "master", network.name, "up")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self._space, *words)

    def hide(self, address: str) -> None:
        """Give it an address to which no other host has a way, as one behind a NAT has."""
        _ip("-n", self._space, "addr", "add", f"{address}/32", "dev", "lo")

    def route(self, inside: Network) -> None:
        """Be the NAT of another network: what its hosts open goes out as ours, and nothing in."""
        link, gateway = f"{inside.name}r", f"{inside.base}.253"
        self._links.append(link)
        _ip("link", "add", link, "type", "veth", "peer", "name", "inside", "netns", self._space)
        _ip("link", "set", link, "master", inside.name, "up")
        _ip("-n", self._space, "addr", "add", f"{gateway}/24", "dev", "inside")
        _ip("-n", self._space, "link", "set", "inside", "up")
        for host in inside.hosts:
            _ip("-n", host._space, "route", "add", "default", "via", gateway)
        for command in (["sysctl", "-qw", "net.ipv4.ip_forward=1"], ["nft", "-f", "-"]):
            here = ["ip", "netns", "exec", self._space, *command]
            subprocess.run(here, check=True, capture_output=True, text=True, input=_NAT)

    def send_astray(self, address: str) -> None:
        """Send what goes to an address to nobody: it is lost without a word."""
        lost = ("lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "eth0")
        nobody = self.address.rpartition(".")[0] + ".253"
        _ip("-n", self._space, "neigh", "replace", nobody, *lost)
        _ip("-n", self._space, "route", "replace", f"{address}/32", "via", nobody)

    def connects(self) -> int:
        """How many connections it has begun to open so far."""
        found = self._read("/proc/net/snmp")
        names, counts = (line.split() for line in found.splitlines() if line.startswith("Tcp:"))
        return int(counts[names.index("ActiveOpens")])

    def watches(self, port: int) -> set[bool]:
        """Of the connections to or from a port: whether the other side's silent end is noticed."""
        wanted, established, probed = f":{port:04X}", "01", "02"
        rows = [line.split() for line in self._read("/proc/net/tcp").splitlines()[1:]]
        ours = [row for row in rows if row[3] == established and wanted in row[1] + row[2]]
        return {row[5].startswith(probed) for row in ours}

    def _read(self, path: str) -> str:
        here = ["ip", "netns", "exec", self._space, "cat", path]
        return subprocess.run(here, check=True, capture_output=True, text=True).stdout

    def cut(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self._link, "down")

    def heal(self) -> None:
        _ip("link", "set", self._link, "up")

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XINFER", "SPT_"))}
        return {
            **kept,
            MARK: self.mark,
            "SPT_NOENV": "1",
            "XINFER_HOME": str(self.home),
            **more,
        }

    def start(self, *command: str, **environment: str) -> None:
        """Run one of our programs on this host, in the background."""
        with self.output.open("ab") as output:
            subprocess.Popen(
                ["ip", "netns", "exec", self._space, str(BIN / command[0]), *command[1:]],
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self._space, str(BIN / command[0]), *command[1:]],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def processes(self, part: str = "") -> list[psutil.Process]:
        """Everything that was started here and lives, and has `part` in its command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                mine = process.environ().get(MARK) == self.mark
                alive = mine and process.status() != psutil.STATUS_ZOMBIE
                if alive and part in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def end(self, part: str) -> bool:
        """Kill what has `part` in its command line; whether there was any.

        Some of it may end by itself, as soon as what it belongs to has ended.
        """
        found = self.processes(part)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return bool(found)

    def kill(self) -> None:
        """The power goes: everything ends at once."""
        while self.end(""):
            pass

    def destroy(self) -> None:
        self.kill()
        for words in (
            *(("link", "del", each) for each in self._links),
            ("netns", "del", self._space),
        ):
            with suppress(subprocess.CalledProcessError):
                _ip(*words)


class Supervisor:
    """What a user has of the cluster: its address and a key."""

    def __init__(self, host: Host, port: int = 9997) -> None:
        self.host = host
        self.url = f"http://{host.address}:{port}"

    @property
    def token(self) -> str:
        return (self.host.home / "run" / "cluster.token").read_text().strip()

    @property
    def key(self) -> str:
        return (self.host.home / "run" / "admin.key").read_text().strip()

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON; status 0 when nothing answers."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            request.add_header("Authorization", f"Bearer {self.key}")
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, _decoded(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())
        except OSError:
            return 0, None

    def await_up(self) -> Supervisor:
        wait_until("the supervisor serves", lambda: self.request("GET", "/v1/models")[0] == 200)
        return self

    def nodes(self) -> dict[str, dict[str, Any]]:
        """The workers that are heard of, by name."""
        status, info = self.request("GET", "/v1/cluster/info?detailed=true")
        if status != 200:
            return {}
        return {each["node"]: each for each in info if each.get("node") and each.get("alive")}

    def replicas(self, uid: str) -> list[dict[str, Any]]:
        status, found = self.request("GET", f"/v1/models/{uid}/replicas")
        return found if status == 200 else []

    def ready(self, uid: str) -> dict[str, int]:
        """The pid of each ready replica, by node."""
        return {
            each["node"]: each["pid"] for each in self.replicas(uid) if each["status"] == "READY"
        }

    def launch(self, uid: str, **more: Any) -> tuple[int, Any]:
        body = {"model_name": uid, "model_engine": "echo", **more}
        return self.request("POST", "/v1/models", body)

    def chat(self, uid: str, content: str = "hello there") -> tuple[int, Any]:
        body = {"model": uid, "messages": [{"role": "user", "content": content}]}
        return self.request("POST", "/v1/chat/completions", body)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
