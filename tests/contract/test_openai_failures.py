"""OpenAI's own client, both forms, when things go wrong: its typed errors, waits and hang-ups."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.contract.sdk import FORMS, connect
from tests.contract.secured import Secured
from tests.process.appliance import wait_until

RECIPE = """
defaults: [base]
auth: {mode: "on"}
gateway: {workers: 2}
models:
  echo: {engine: echo}
  other: {engine: echo}
  slow: {engine: echo, engine_kwargs: {load_s: 600}}
"""
# Places are counted in each process, so what is about them has one.
NARROW = """
defaults: [base]
auth: {mode: "on"}
models:
  echo: {engine: echo, limits: {max_in_flight: 1, max_queue: 0}}
"""
ENDLESS: dict[str, Any] = {"chunks": 100_000, "chunk_delay_s": 0.05}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("failures"), RECIPE)
    try:
        made.start()
        for uid in ("echo", "other"):
            wait_until(uid, lambda uid=uid: state(made, uid) == "ready", 90)
        yield made
    finally:
        made.destroy()


def state(server: Secured, uid: str) -> str:
    return str(server.models().get(uid, {}).get("state"))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("narrow"), NARROW)
    try:
        made.start().wait_ready({"echo": 1})
        yield made
    finally:
        made.destroy()


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sdk(one: Secured, form: str) -> Iterator[Any]:
    made = connect(form, one.url, one.admin_key)
    yield made
    made.close()


def ask(content: str = "a b", model: str = "echo", **manner: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": model, "messages": messages, "extra_body": {"echo": manner}}


def stats(server: Secured) -> dict[str, int]:
    """What the engine of the model `echo` saw."""
    (replica,) = server.request("GET", "/v1/models/echo/replicas")[1]
    with urllib.request.urlopen(f"http://{replica['model_address']}/stats", timeout=60) as reply:
        seen: dict[str, int] = json.load(reply)
    return seen


def stopped(server: Secured, before: dict[str, int]) -> None:
    """Until the engine has seen one request more, which ended before its time."""
    wait_until(
        "the engine to stop",
        lambda: (
            stats(server)["active"] == before["active"]
            and stats(server)["cancelled"] == before["cancelled"] + 1
        ),
    )


def test_who_has_no_right_gets_the_error_for_it(one: Secured, form: str) -> None:
    _, lister = one.key("lister", scopes=["models:list"])
    _, bound = one.key("bound", model_permissions=["other"])
    for key in ("none", "xf-" + "0" * 48):
        sdk = connect(form, one.url, key)
        for call in (lambda s=sdk: s.chat.completions.create(**ask()), sdk.models.list):
            with pytest.raises(openai.AuthenticationError, match="API key is not valid") as wrong:
                list(call())
            assert wrong.value.code == "authentication_error"
            assert wrong.value.response.headers["www-authenticate"] == "Bearer"
        sdk.close()
    for key, said in ((lister, "'models:read'"), (bound, "model 'echo'")):
        sdk = connect(form, one.url, key)
        with pytest.raises(openai.PermissionDeniedError, match=said) as refused:
            sdk.chat.completions.create(**ask())
        assert refused.value.code == "permission_error"
        sdk.close()
    sdk = connect(form, one.url, bound)
    assert sdk.chat.completions.create(**ask(model="other")).choices
    assert [model.id for model in sdk.models.list()] == ["other"]
    sdk.close()


def test_what_is_asked_wrongly_gets_the_error_for_it(sdk: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean 'echo'") as unknown:
        sdk.chat.completions.create(**ask(model="ecko"), extra_headers={"X-Request-ID": "mine-1"})
    assert unknown.value.code == "model_not_found"
    assert unknown.value.request_id == "mine-1"
    with pytest.raises(openai.BadRequestError) as wrong:
        sdk.chat.completions.create(**ask(model=""))
    assert (wrong.value.param, wrong.value.type) == ("model", "invalid_request_error")
    with pytest.raises(openai.NotFoundError):
        sdk.moderations.create(model="echo", input="x")
    with pytest.raises(openai.InternalServerError, match="'echo' does not serve /v1/responses"):
        sdk.responses.create(model="echo", input="x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_what_the_engine_refuses_comes_as_it_is(
    sdk: Any, status: int, kind: type[openai.APIStatusError]
) -> None:
    with pytest.raises(kind, match="refused as asked") as refused:
        sdk.chat.completions.create(**ask(status=status))
    assert (refused.value.status_code, refused.value.type) == (status, "echo_error")


def test_what_an_engine_cannot_do_is_not_asked_of_it_again(one: Secured, form: str) -> None:
    sdk = connect(form, one.url, one.admin_key, max_retries=5)
    before = stats(one)["requests"]
    with pytest.raises(openai.InternalServerError):
        sdk.chat.completions.create(**ask(status=501))
    assert stats(one)["requests"] == before + 1
    sdk.close()


def test_a_model_that_loads_says_when_to_come_back(sdk: Any) -> None:
    with pytest.raises(openai.InternalServerError, match="loading") as early:
        sdk.chat.completions.create(**ask(model="slow"))
    assert early.value.status_code == 503
    assert int(early.value.response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"rate_limit_requests_per_minute": 2}, "2 requests per minute"),
        ({"rate_limit_tokens_per_minute": 2}, "2 tokens per minute"),
        ({"quota_tokens_per_month": 2}, "2 tokens per month"),
    ],
)
def test_over_a_limit(one: Secured, form: str, limit: dict[str, int], said: str) -> None:
    _, key = one.key("limited", **limit)
    sdk = connect(form, one.url, key)

    def refusal() -> openai.RateLimitError | None:
        try:
            sdk.chat.completions.create(**ask())
        except openai.RateLimitError as error:
            return error
        return None

    refused = wait_until("the limit", refusal)
    assert said in str(refused)
    assert refused.code == "rate_limit_error"
    assert int(refused.response.headers["retry-after"]) >= 1
    sdk.close()


def test_it_comes_again_by_itself_when_there_is_room(narrow: Secured, form: str) -> None:
    key = narrow.admin_key
    # It may have to wait until whoever came before has left.
    with connect("sync", narrow.url, key, max_retries=20) as holder:
        running = holder.chat.completions.create(**ask(**ENDLESS), stream=True)
        next(iter(running))
        before = refusals(narrow)
        patient = connect(form, narrow.url, key, max_retries=20)
        replies: list[Any] = []
        waiting = threading.Thread(
            target=lambda: replies.append(patient.chat.completions.create(**ask()))
        )
        waiting.start()
        wait_until("a refusal", lambda: refusals(narrow) > before)
        running.close()
        waiting.join(150)
    assert replies[0].choices[0].message.content == "a b"
    patient.close()


def refusals(server: Secured) -> float:
    """Requests that found no room."""
    lines = server.request("GET", "/metrics")[1].splitlines()
    sample = 'xinfer_requests_total{model="echo",status="429"} '
    return next((float(line.split()[-1]) for line in lines if line.startswith(sample)), 0)


@pytest.mark.parametrize("streams", [False, True])
def test_a_timeout_of_the_client_stops_the_engine(one: Secured, sdk: Any, streams: bool) -> None:
    before = stats(one)
    with pytest.raises(openai.APITimeoutError):
        # As long as it may take to get to the engine.
        sdk.chat.completions.create(**ask(hang=True), stream=streams, timeout=5.0)
    stopped(one, before)


def test_closing_a_stream_stops_the_engine(one: Secured, sdk: Any) -> None:
    before = stats(one)
    stream = sdk.chat.completions.create(**ask(**ENDLESS), stream=True)
    next(iter(stream))
    stream.close()
    stopped(one, before)
    with sdk.chat.completions.create(**ask(**ENDLESS), stream=True) as stream:
        next(iter(stream))
        before = stats(one)
        assert before["active"] == 1
    wait_until("the engine to stop", lambda: stats(one)["active"] == 0)


def test_cancelling_a_task_stops_the_engine(one: Secured) -> None:
    before = stats(one)

    async def ask_and_leave() -> None:
        async with openai.AsyncOpenAI(base_url=f"{one.url}/v1", api_key=one.admin_key) as sdk:
            asking = asyncio.create_task(sdk.chat.completions.create(**ask(hang=True)))
            while (await asyncio.to_thread(stats, one))["active"] == before["active"]:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.to_thread(stopped, one, before)

    asyncio.run(asyncio.wait_for(ask_and_leave(), 150))


def test_many_tasks_of_one_client_get_each_their_own(one: Secured) -> None:
    async def all_of_them() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{one.url}/v1", api_key=one.admin_key) as sdk:
            replies = await asyncio.gather(
                *(
                    sdk.chat.completions.create(**ask(f"number {number}", delay_s=0.1))
                    for number in range(100)
                )
            )
        return [reply.choices[0].message.content for reply in replies]

    assert asyncio.run(all_of_them()) == [f"number {number}" for number in range(100)]


def test_an_engine_that_dies_in_a_stream_is_an_error_and_no_end(one: Secured, sdk: Any) -> None:
    started = one.models()["echo"]["restarts"]
    stream = sdk.chat.completions.create(**ask(chunks=50, crash_after_chunks=5), stream=True)
    assert next(iter(stream)).choices
    with pytest.raises(openai.APIError, match="echo-rep0 closed the connection"):
        list(stream)
    wait_until(
        "the engine is back",
        lambda: (
            (echo := one.models().get("echo", {})).get("state") == "ready"
            and echo["restarts"] == started + 1
        ),
        90,
    )
    wait_until("both processes know it", lambda: ready_everywhere(one))


def ready_everywhere(server: Secured) -> bool:
    chat = {"model": "echo", "messages": [{"role": "user", "content": "x"}]}
    calls = [("POST", "/v1/chat/completions", server.admin_key, chat)] * 8
    return {server.call(*call).status for call in calls} == {200}
