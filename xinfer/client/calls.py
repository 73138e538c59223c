"""Every call of the management and inference API, once, as data; `sync` and `async_` run them.

Parameter names and defaults are those of the Xinference client, so that its users keep their code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xinfer.client.call import (
    Call,
    Json,
    StreamCall,
    given,
    nothing,
    path,
    query,
    same,
    server_event,
)


def list_models() -> Call[dict[str, dict[str, Json]]]:
    """All models by uid: the peer's description plus `state`, `reason` and replica counts."""
    return Call(
        what="list models",
        method="GET",
        path="/v1/models",
        decode=lambda document: {item["id"]: item for item in document["data"]},
    )


def describe_model(model_uid: str) -> Call[dict[str, Json]]:
    """The description of one model. Raises ClientError 400 when the uid is not known."""
    return Call(
        what="describe the model", method="GET", path=path("v1", "models", model_uid), decode=same
    )


def launch_model(
    model_name: str,
    model_type: str = "LLM",
    model_engine: str | None = None,
    model_uid: str | None = None,
    model_size_in_billions: int | str | float | None = None,
    model_format: str | None = None,
    quantization: str | None = None,
    replica: int = 1,
    n_worker: int = 1,
    n_gpu: int | str | None = "auto",
    peft_model_config: Mapping[str, Json] | None = None,
    request_limits: int | None = None,
    worker_ip: str | None = None,
    gpu_idx: int | Sequence[int] | None = None,
    replica_config: Sequence[Mapping[str, Json]] | None = None,
    model_path: str | None = None,
    enable_thinking: bool | None = None,
    enable_virtual_env: bool | None = None,
    virtual_env_packages: Sequence[str] | None = None,
    envs: Mapping[str, str] | None = None,
    virtual_env_find_links: Sequence[str] | None = None,
    *,
    wait_ready: bool = True,
    **kwargs: Json,
) -> Call[str]:
    """Launch a model and return its uid.

    `n_gpu` None means CPU only. `wait_ready` False returns as soon as the launch is accepted;
    otherwise the call takes as long as the launch does. `kwargs` go to the engine as options;
    `source` and `memory` among them are xinfer's own. Raises ClientError 400 for an input that
    cannot be, 503 when no machine can take it or the launch failed, with the cause as its detail.
    """
    return _launch(dict(locals()), wait_ready)


def terminate_model(model_uid: str) -> Call[None]:
    """Stop a model and forget it. Raises ClientError 400 when the uid is not known."""
    return Call(
        what="terminate the model",
        method="DELETE",
        path=path("v1", "models", model_uid),
        decode=nothing,
    )


def list_replicas(model_uid: str) -> Call[list[dict[str, Json]]]:
    """The replicas of a model: id, node, address, phase, restarts, cause."""
    return _of_model("list replicas", model_uid, "replicas")


def get_launch_model_progress(model_uid: str) -> Call[dict[str, Json]]:
    """How far a launch is: `progress` 0..1, `stage`, and the same by replica."""
    return _of_model("get the launch progress", model_uid, "progress")


def get_events(model_uid: str) -> Call[list[dict[str, Json]]]:
    """What happened to a model, oldest first: `event_type`, `event_ts` (s), `event_content`."""
    return _of_model("get events", model_uid, "events")


def get_timeline(model_uid: str) -> Call[list[dict[str, Json]]]:
    """By replica, the launch phases with start (unix s) and length (s), and the cause of an end."""
    return _of_model("get the timeline", model_uid, "timeline")


def get_logs(
    model_uid: str, tail: int | None = None, follow: bool = False, replica: int | None = None
) -> StreamCall[str]:
    """The engine's own output, line by line.

    `tail` is how many of the last lines to begin with; `follow` keeps the stream open for new ones
    until it is closed; `replica` is the index of one replica.
    """
    return StreamCall(
        what="read the log",
        method="GET",
        path=path("v1", "models", model_uid, "logs"),
        query=query(tail=tail, follow=1 if follow else None, replica=replica),
        silence_s=None,
        decode=lambda line: line,
    )


def get_status() -> Call[dict[str, Json]]:
    """`uptime` in seconds and the workers by address."""
    return Call(what="get the status", method="GET", path="/status", decode=same)


def get_cluster_info(detailed: bool = False) -> Call[list[dict[str, Json]]]:
    """The supervisor and the workers; `detailed` adds processors, memory and accelerators."""
    return Call(
        what="get the cluster info",
        method="GET",
        path="/v1/cluster/info",
        query=query(detailed=detailed),
        decode=same,
    )


def get_cluster_auth() -> Call[bool]:
    """Whether calls need an API key. Needs none itself."""
    return Call(
        what="get the cluster auth",
        method="GET",
        path="/v1/cluster/auth",
        decode=lambda document: bool(document["auth"]),
    )


def get_recipe() -> Call[dict[str, Json]]:
    """The desired state: `recipe` (its name), `models`, `revision`."""
    return Call(what="get the recipe", method="GET", path="/v1/recipe", decode=same)


def put_recipe(
    recipe: str, models: Sequence[Mapping[str, Json]], expected: int | None = None
) -> Call[dict[str, Json]]:
    """Make `models` the recipe's models; those of an earlier recipe that are not among them go.

    `expected` is the revision that must still be current: ClientError 409 when it is not.
    """
    return Call(
        what="put the recipe",
        method="PUT",
        path="/v1/recipe",
        body={"recipe": recipe, "models": list(models), "expected": expected},
        decode=same,
    )


def chat(
    model_uid: str,
    /,
    messages: Sequence[Mapping[str, Json]],
    tools: Sequence[Mapping[str, Json]] | None = None,
    enable_thinking: bool | None = None,
    generate_config: Mapping[str, Json] | None = None,
) -> Call[dict[str, Json]] | StreamCall[dict[str, Json]]:
    """Answer a conversation: an OpenAI `chat.completion`.

    `generate_config` holds sampling parameters of the OpenAI API; with `stream` true among them the
    result is an iterator of `chat.completion.chunk`. Close it to stop the model early.
    """
    body = given(tools=tools, enable_thinking=enable_thinking) | dict(generate_config or {})
    body |= {"model": model_uid, "messages": list(messages)}
    return _completion("generate chat completion", "/v1/chat/completions", body)


def generate(
    model_uid: str, /, prompt: str, generate_config: Mapping[str, Json] | None = None
) -> Call[dict[str, Json]] | StreamCall[dict[str, Json]]:
    """Continue a text: an OpenAI `text_completion`, or an iterator of its chunks.

    See `chat` for `generate_config`.
    """
    body = dict(generate_config or {}) | {"model": model_uid, "prompt": prompt}
    return _completion("generate completion", "/v1/completions", body)


def create_embedding(model_uid: str, /, input: Json, **kwargs: Json) -> Call[dict[str, Json]]:
    """Embed a text or a list of texts: an OpenAI list with one `embedding` per input, in order.

    `kwargs` are further fields of the request, such as `dimensions`.
    """
    return Call(
        what="create the embeddings",
        method="POST",
        path="/v1/embeddings",
        body=kwargs | {"model": model_uid, "input": input},
        decode=same,
        silence_s=None,
    )


def rerank(
    model_uid: str,
    /,
    documents: Sequence[str | Mapping[str, Json]],
    query: str | Mapping[str, Json],
    top_n: int | None = None,
    max_chunks_per_doc: int | None = None,
    return_documents: bool | None = None,
    return_len: bool | None = None,
    **kwargs: Json,
) -> Call[dict[str, Json]]:
    """Order documents by relevance to a query: `results` of `index` and `relevance_score`."""
    body = given(
        top_n=top_n,
        max_chunks_per_doc=max_chunks_per_doc,
        return_documents=return_documents,
        return_len=return_len,
    )
    return Call(
        what="rerank documents",
        method="POST",
        path="/v1/rerank",
        body=kwargs | body | {"model": model_uid, "documents": list(documents), "query": query},
        decode=same,
        silence_s=None,
    )


def _of_model(what: str, model_uid: str, part: str) -> Call[Json]:
    return Call(what=what, method="GET", path=path("v1", "models", model_uid, part), decode=same)


def _completion(
    what: str, to: str, body: Mapping[str, Json]
) -> Call[dict[str, Json]] | StreamCall[dict[str, Json]]:
    if body.get("stream"):
        decode = server_event(what)
        return StreamCall(
            what=what, method="POST", path=to, body=body, decode=decode, silence_s=None
        )
    return Call(what=what, method="POST", path=to, body=body, decode=same, silence_s=None)


def _launch(asked: dict[str, Json], wait_ready: bool) -> Call[str]:
    """`asked` are the parameters of `launch_model`: each is the field of its name in the body."""
    options = asked.pop("kwargs")
    asked.pop("wait_ready")
    size = asked.pop("model_size_in_billions")
    body = given(**asked, model_size_in_billions=_size(size)) | {"n_gpu": asked["n_gpu"]}
    return Call(
        what="launch the model",
        method="POST",
        path="/v1/models",
        query={} if wait_ready else query(wait_ready=False),
        body=body | options,
        decode=lambda document: str(document["model_uid"]),
        silence_s=None,
    )


def _size(size: int | str | float | None) -> int | str | None:
    """The wire form of a size in billions: whole numbers as int, others as text."""
    if isinstance(size, float):
        return int(size) if size.is_integer() else str(size)
    return size
