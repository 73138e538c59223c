"""`xinfer cal-model-mem`: the memory that a text model is said to need, computed here."""

from __future__ import annotations

import math

import click
from rich.text import Text

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import Kind, Shape
from xinfer.catalog.match import Wish, choose, plain_format, plain_size
from xinfer.catalog.memory import Question, estimate
from xinfer.catalog.registry import Registry
from xinfer.cli.failure import Failure
from xinfer.cli.output import emit, output_option
from xinfer.errors import XinferError


@click.command("cal-model-mem")
@click.option("-n", "--model-name", metavar="NAME", help="Family; else a network is guessed.")
@click.option(
    *("-s", "--size-in-billions"), required=True, metavar="SIZE", help="Billions of parameters."
)
@click.option("-f", "--model-format", required=True, metavar="FORMAT", help="Such as ggufv2.")
@click.option("-q", "--quantization", metavar="NAME", help="Such as q4_k_m; none without.")
@click.option(
    *("-c", "--context-length"), required=True, type=click.IntRange(1), help="Tokens of context."
)
@click.option(
    "--kv-cache-dtype",
    type=click.Choice(["8", "16", "32"]),
    default="16",
    show_default=True,
    help="Bits of a cached number.",
)
@output_option
def cal_model_mem(
    output: str,
    model_name: str | None,
    size_in_billions: str,
    model_format: str,
    quantization: str | None,
    context_length: int,
    kv_cache_dtype: str,
) -> None:
    """Estimate the memory that a model needs, without a server.

    The formulas are those of gpu_poor; `xinfer engine` shows what xinfer itself reckons with.

    \b
    xinfer cal-model-mem -s 7 -f pytorch -c 16384
    xinfer cal-model-mem -n qwen2.5-instruct -s 0_5 -f ggufv2 -q q4_k_m -c 4096
    """
    try:
        question = Question(
            size=float(plain_size(size_in_billions)),
            format=plain_format(model_format),
            quantization=quantization,
            context=context_length,
            kv_bits=int(kv_cache_dtype),
        )
        found = estimate(question, _shape(model_name, question))
    except ValueError as error:
        raise Failure(f"'{size_in_billions}' is not a size such as 7 or 0_5.", "") from error
    except XinferError as error:
        raise Failure(error.message, error.hint) from error
    total = found.total
    known = {
        "model_name": model_name,
        "kv_cache_dtype": kv_cache_dtype,
        "model size": size_in_billions,
        "quant": quantization,
        "context": context_length,
        "gpu mem usage": None,
        "model mem": f"{math.ceil(found.model)} MB",
        "kv_cache": f"{math.ceil(found.kv_cache)} MB",
        "recurrent state": f"{math.ceil(found.recurrent_state)} MB",
        "overhead": f"{math.ceil(found.overhead)} MB",
        "active": f"{math.ceil(found.activation)} MB",
        "total": f"{total} MB ({math.ceil(total / 1024)} GB)",
    }
    shown = {key: value for key, value in known.items() if value is not None}
    lines = "\n".join(f"{key}: {value}" for key, value in shown.items())
    emit(output, shown, lambda: Text(lines))


def _shape(name: str | None, question: Question) -> Shape | None:
    """The network of a named family's variant; raises NotFound when there is no such."""
    if name is None:
        return None
    family = Registry(Builtin()).find(Kind.LLM, name)
    wish = Wish(format=question.format, size=str(question.size), quantization=question.quantization)
    return choose(family, wish).variant.shape
