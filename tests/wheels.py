"""Tiny wheels, made on the spot, and those that would build an environment from them."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from xinfer.domain.engine import Traits
from xinfer.domain.model import ModelKind


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    code: str = "",
    *,
    needs: Iterable[str] = (),
    program: str = "",
) -> Path:
    """A wheel with one module of its own name; `program` is a console script that runs `main`."""
    about = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {each}" for each in needs]
    files = {
        f"{name}.py": code,
        f"{about}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, ""]
        ),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if program:
        files[f"{about}/entry_points.txt"] = f"[console_scripts]\n{program} = {name}:main\n"
    encoded = {path: text.encode() for path, text in files.items()}
    return _write(folder / f"{name}-{version}-py3-none-any.whl", about, encoded)


def repack(folder: Path, name: str) -> Path:
    """The wheel that a package of this interpreter was installed from, as far as it is code."""
    found = metadata.distribution(name)
    about = f"{name}-{found.version}.dist-info"
    files = {
        str(path): Path(str(found.locate_file(path))).read_bytes()
        for path in found.files or ()
        if path.parts[0] in (name, f"{name}.libs") and path.suffix != ".pyc"
    }
    for part in ("METADATA", "WHEEL"):
        files[f"{about}/{part}"] = (found.read_text(part) or "").encode()
    tag = next(
        line.partition(": ")[2]
        for line in files[f"{about}/WHEEL"].decode().splitlines()
        if line.startswith("Tag: ")
    )
    return _write(folder / f"{name}-{found.version}-{tag}.whl", about, files)


def _write(path: Path, about: str, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = [f"{name},sha256={_hash(body)},{len(body)}" for name, body in files.items()]
    record.append(f"{about}/RECORD,,")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for name, body in files.items():
            wheel.writestr(name, body)
        wheel.writestr(f"{about}/RECORD", "\n".join(record))
    return path


def _hash(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


class Tiny:
    """An engine that is nothing but a module to import."""

    options = ()

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.traits = Traits(kinds=(ModelKind.LLM,), module=module)


class TinyEngines:
    """`tiny`, whose module is of the same name, and `bare`, which needs none."""

    def names(self) -> tuple[str, ...]:
        return ("tiny", "bare")

    def get(self, name: str) -> Tiny:
        return Tiny(name, "" if name == "bare" else name)


def venv(folder: Path, **modules: str) -> Path:
    """An environment with these modules by their code; returns its interpreter."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    real = Path(sys.executable).resolve()
    (folder / "bin" / "python").symlink_to(real)
    (folder / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
    for name, code in modules.items():
        (packages / f"{name}.py").write_text(code)
    return folder / "bin" / "python"
