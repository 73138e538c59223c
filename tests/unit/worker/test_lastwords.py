"""What is found in the logs that engines really write when they break."""

from __future__ import annotations

import pytest

from xinfer.worker.lastwords import last_words, tells_out_of_memory

PYTHON = """\
INFO loading
Traceback (most recent call last):
  File "/srv/host.py", line 12, in main
    server = Server(path)
             ^^^^^^^^^^^^
  File "/srv/model.py", line 88, in __init__
    raise ValueError(f"unknown model architecture: {name!r}")
ValueError: unknown model architecture: 'foo'
"""

CHAINED = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    open("x")
FileNotFoundError: [Errno 2] No such file or directory: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise RuntimeError("the weights are not there") from error
RuntimeError: the weights are not there
"""

VLLM = """\
INFO 09-01 10:00:00 [core.py:61] Initializing a V1 LLM engine (v0.10.1) with config: model='m'
(EngineCore_0 pid=4242) ERROR 09-01 10:00:04 [core.py:700] EngineCore failed to start.
(EngineCore_0 pid=4242) ERROR 09-01 10:00:04 [core.py:700] Traceback (most recent call last):
(EngineCore_0 pid=4242) ERROR 09-01 10:00:04 [core.py:700]   File "/v/core.py", line 691, in run
(EngineCore_0 pid=4242) ERROR 09-01 10:00:04 [core.py:700]     engine_core = EngineCoreProc(*args)
(EngineCore_0 pid=4242) ERROR 09-01 10:00:04 [core.py:700] ValueError: To serve at least one \
request with the models's max seq len (131072), 14.00 GiB KV cache is needed
(EngineCore_0 pid=4242) Process EngineCore_0:
(APIServer pid=4200) Traceback (most recent call last):
(APIServer pid=4200)   File "/usr/bin/vllm", line 8, in <module>
(APIServer pid=4200)     sys.exit(main())
(APIServer pid=4200)   File "/v/utils.py", line 825, in wait_for_engine_startup
(APIServer pid=4200)     raise RuntimeError("Engine core initialization failed. "
(APIServer pid=4200) RuntimeError: Engine core initialization failed. See root cause above. \
Failed core proc(s): {}
"""

CUDA = """\
(EngineCore_0 pid=77) ERROR 09-01 10:00:04 [core.py:700] Traceback (most recent call last):
(EngineCore_0 pid=77) ERROR 09-01 10:00:04 [core.py:700]   File "/v/loader.py", line 3, in load
(EngineCore_0 pid=77) ERROR 09-01 10:00:04 [core.py:700] torch.OutOfMemoryError: CUDA out of \
memory. Tried to allocate 1.02 GiB. GPU 0 has a total capacity of 23.64 GiB
"""

SGLANG = """\
[2025-09-01 10:00:00 TP0] Scheduler hit an exception: Traceback (most recent call last):
  File "/s/scheduler.py", line 2312, in run_scheduler_process
    scheduler = Scheduler(server_args)
RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.

[2025-09-01 10:00:01] Received sigquit from a child process. It usually means the child failed.
"""

LLAMA = """\
llama_model_loader: - kv   0:                       general.architecture str              = foo
llama_model_load: error loading model: error loading model architecture: unknown model \
architecture: 'foo'
llama_model_load_from_file_impl: failed to load model
common_init_from_params: failed to load model '/m/x.gguf', try reducing --n-gpu-layers
srv    load_model: failed to load model, '/m/x.gguf'
main: exiting due to model loading error
"""

LLAMA_STAMPED = """\
0.00.065.127 I llama_model_loader: loaded meta data with 33 key-value pairs
0.00.101.300 E llama_model_load: error loading model: tensor 'blk.3.ffn_up.weight' data is not \
within the file bounds, model is corrupted or incomplete
0.00.101.314 E llama_model_load_from_file_impl: failed to load model
"""

LLAMA_IN_PYTHON = (
    LLAMA
    + """\
Traceback (most recent call last):
  File "/srv/llama_cpp.py", line 40, in main
    server = xllamacpp.Server(params)
RuntimeError: Failed to init server, please check the input params.
"""
)

ABORT = """\
/src/ggml/src/ggml.c:2021: GGML_ASSERT(a->ne[2] == b->ne[2]) failed
"""

TERMINATE = """\
terminate called after throwing an instance of 'std::runtime_error'
  what():  vocab does not match
"""

ARGPARSE = """\
usage: api_server.py [-h] [--host HOST]
api_server.py: error: unrecognized arguments: --n-ctx 4096
"""

LIBRARY = "python: error while loading shared libraries: libcudart.so.12: cannot open shared object"

SHELL = "/bin/bash: line 1: llama-serve: command not found\n"

UVICORN = """\
INFO:     Started server process [12]
ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already
"""

INTERRUPTED = (
    PYTHON
    + """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyboardInterrupt
"""
)

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/app.py", line 9, in serve
  |     async with TaskGroup() as tasks:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app.py", line 5, in load
    |     raise OSError("disk on fire")
    | OSError: disk on fire
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (PYTHON, "ValueError: unknown model architecture: 'foo'"),
        (CHAINED, "RuntimeError: the weights are not there"),
        (
            VLLM,
            "ValueError: To serve at least one request with the models's max seq len (131072), "
            "14.00 GiB KV cache is needed",
        ),
        (
            CUDA,
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. "
            "GPU 0 has a total capacity of 23.64 GiB",
        ),
        (
            SGLANG,
            "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
        ),
        (LLAMA, "unknown model architecture: 'foo'"),
        (
            LLAMA_STAMPED,
            "tensor 'blk.3.ffn_up.weight' data is not within the file bounds, "
            "model is corrupted or incomplete",
        ),
        (LLAMA_IN_PYTHON, "unknown model architecture: 'foo'"),
        (ABORT, "GGML_ASSERT(a->ne[2] == b->ne[2]) failed"),
        (TERMINATE, "vocab does not match"),
        (ARGPARSE, "unrecognized arguments: --n-ctx 4096"),
        (LIBRARY, LIBRARY.removeprefix("python: ")),
        (SHELL, "llama-serve: command not found"),
        (
            UVICORN,
            "[Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address "
            "already",
        ),
        (INTERRUPTED, "ValueError: unknown model architecture: 'foo'"),
        (GROUP, "OSError: disk on fire"),
    ],
)
def test_the_telling_line_is_found(log: str, words: str) -> None:
    assert last_words(log.splitlines()) == words


@pytest.mark.parametrize("log", ["", "INFO: all is well\nerrors: 0\n", "x" * 10_000])
def test_nothing_is_made_up(log: str) -> None:
    assert last_words(log.splitlines()) is None


@pytest.mark.parametrize(
    ("words", "memory"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB.", True),
        ("MemoryError", True),
        ("std::bad_alloc", True),
        ("ValueError: unknown model architecture: 'foo'", False),
    ],
)
def test_memory_running_out_is_recognised(words: str, memory: bool) -> None:
    assert tells_out_of_memory(words) is memory
