"""The Python client against a real server on the loopback."""

from __future__ import annotations

import asyncio
import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.unit.client.loopback import Loopback, model
from xinfer.client import (
    AsyncRESTfulChatModelHandle,
    AsyncRESTfulClient,
    ClientError,
    RESTfulChatModelHandle,
    RESTfulClient,
    RESTfulEmbeddingModelHandle,
    RESTfulImageModelHandle,
    Stream,
    Unreachable,
    connection,
)

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(models={"chat": model("chat")}).serve() as loopback:
        yield loopback


def text_of(chunks: list[dict]) -> str:
    return "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)


def test_launch_sends_what_a_user_of_the_peer_gives(server: Loopback) -> None:
    with RESTfulClient(server.url, api_key="secret") as client:
        uid = client.launch_model(
            "qwen2.5-instruct",
            model_engine="llama.cpp",
            model_size_in_billions=0.5,
            n_gpu=None,
            gpu_memory_utilization=0.9,
        )
    assert uid == "qwen2.5-instruct"
    assert server.bodies("POST", "/v1/models") == [
        {
            "model_name": "qwen2.5-instruct",
            "model_type": "LLM",
            "model_engine": "llama.cpp",
            "model_size_in_billions": "0.5",
            "replica": 1,
            "n_worker": 1,
            "n_gpu": None,
            "gpu_memory_utilization": 0.9,
        }
    ]
    assert server.authorizations == ["Bearer secret"]


def test_a_handle_is_chosen_by_what_the_model_does(server: Loopback) -> None:
    server.models["words"] = model("words", model_type="embedding")
    server.models["picture"] = model("picture", model_type="image")
    server.models["smell"] = model("smell", model_type="smell")
    with RESTfulClient(server.url) as client:
        assert isinstance(client.get_model("chat"), RESTfulChatModelHandle)
        assert isinstance(client.get_model("words"), RESTfulEmbeddingModelHandle)
        assert isinstance(client.get_model("picture"), RESTfulImageModelHandle)
        with pytest.raises(ValueError, match="smell"):
            client.get_model("smell")


def test_chat_whole_and_streamed(server: Loopback) -> None:
    with RESTfulClient(server.url) as client:
        handle = client.get_model("chat")
        whole = handle.chat(HELLO, generate_config={"max_tokens": 5})
        stream = handle.chat(HELLO, generate_config={"stream": True})
        assert isinstance(stream, Stream)
        assert text_of(list(stream)) == whole["choices"][0]["message"]["content"] == "Hello there"
    sent = server.bodies("POST", "/v1/chat/completions")
    assert sent[0] == {"model": "chat", "messages": HELLO, "max_tokens": 5}


STREAMED = {"stream": True}


@pytest.mark.parametrize("end", ["close", "with", "leave", "drop", "unread"])
def test_leaving_a_stream_early_tells_the_server(server: Loopback, end: str) -> None:
    server.endless = True
    with RESTfulClient(server.url) as client:
        stream = client.get_model("chat").chat(HELLO, generate_config=STREAMED)
        if end == "leave":
            for chunk in stream:
                assert chunk["choices"]
                break
        elif end != "unread":
            assert next(stream)["choices"]
        if end == "close":
            stream.close()
            assert list(stream) == []
        elif end == "with":
            with stream:
                pass
        del stream
        assert server.client_gone.wait(60)
        assert client._http._transport._pool.connections == []


@pytest.mark.parametrize("end", ["close", "with", "leave", "cancel", "unread"])
def test_so_does_leaving_one_that_is_awaited(server: Loopback, end: str) -> None:
    server.endless = True
    complaints: list[object] = []

    async def read(handle: AsyncRESTfulChatModelHandle) -> None:
        stream = await handle.chat(HELLO, generate_config=STREAMED)
        if end == "unread":
            return
        if end == "with":
            async with stream:
                await anext(stream)
            return
        async for chunk in stream:
            assert chunk["choices"]
            if end != "cancel":
                break
        if end == "close":
            await stream.aclose()
            assert [chunk async for chunk in stream] == []

    async def session() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
        async with AsyncRESTfulClient(server.url) as client:
            reading = asyncio.create_task(read(await client.get_model("chat")))
            if end == "cancel":
                assert await asyncio.to_thread(server.first_chunk.wait, 60)
                reading.cancel()
            await asyncio.wait([reading])
            assert reading.cancelled() == (end == "cancel")
            assert await asyncio.to_thread(server.client_gone.wait, 60)
            assert client._http._transport._pool.connections == []

    asyncio.run(session())
    assert complaints == []


def test_an_error_within_a_stream_is_raised_after_what_came_before(server: Loopback) -> None:
    server.stream_error = "the engine ran out of slots"
    with RESTfulClient(server.url) as client:
        stream = client.get_model("chat").chat(HELLO, generate_config={"stream": True})
        assert text_of([next(stream) for _ in range(3)]) == "Hello there"
        with pytest.raises(ClientError, match="ran out of slots"):
            next(stream)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "no such engine", "hint": "try echo"}, "no such engine"),
        ({"error": {"message": "no such engine", "hint": "try echo"}}, "no such engine"),
        ({"detail": [{"loc": "body"}]}, '[{"loc": "body"}]'),
        ("<html>bad gateway</html>", "<html>bad gateway</html>"),
        ("", "HTTP 503"),
    ],
)
def test_a_refusal_carries_the_servers_words(server: Loopback, body: object, detail: str) -> None:
    server.fail_with = (503, body)
    with RESTfulClient(server.url) as client, pytest.raises(ClientError) as caught:
        client.list_models()
    assert (caught.value.status, caught.value.detail) == (503, detail)
    assert isinstance(caught.value, RuntimeError)
    assert str(caught.value) == f"Failed to list models, detail: {detail}"
    if "hint" in str(body):
        assert caught.value.hint == "try echo"


def status_of(kind: str, url: str) -> object:
    """`get_status` by the client of that kind."""
    if kind == "sync":
        with RESTfulClient(url) as client:
            return client.get_status()

    async def session() -> object:
        async with AsyncRESTfulClient(url) as client:
            return await client.get_status()

    return asyncio.run(session())


def launch_by(kind: str, url: str) -> str:
    """`launch_model` by the client of that kind."""
    if kind == "sync":
        with RESTfulClient(url) as client:
            return client.launch_model("chat")

    async def session() -> str:
        async with AsyncRESTfulClient(url) as client:
            return await client.launch_model("chat")

    return asyncio.run(session())


each_kind = pytest.mark.parametrize("kind", ["sync", "async"])


@each_kind
def test_a_connect_is_tried_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at first; the server comes up between two attempts, however late."""
    monkeypatch.setattr(connection, "_CONNECT_RETRIES", 8)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        starter = threading.Timer(0.1, holder.listen)
        starter.start()
        answer = threading.Thread(target=_answer_once, args=(holder, starter))
        answer.start()
        assert status_of(kind, f"http://127.0.0.1:{port}") == {"uptime": 1}
        answer.join()


def _answer_once(listener: socket.socket, after: threading.Timer) -> None:
    after.join()
    client, _ = listener.accept()
    with client:
        client.recv(65536)
        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"uptime":1}')


@each_kind
def test_a_request_that_may_have_arrived_is_not_sent_again(kind: str) -> None:
    """The server takes the request and hangs up without an answer."""
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    taken.append(client.recv(65536))

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(Unreachable, match="broke"):
            launch_by(kind, f"http://127.0.0.1:{port}")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert len(taken) == 1


def test_a_proxy_of_the_environment_is_not_used_for_the_loopback(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with RESTfulClient(server.url) as client:
        assert client.get_cluster_auth() is False


def test_the_async_client_does_the_same(server: Loopback) -> None:
    async def session() -> tuple[str, str]:
        async with AsyncRESTfulClient(server.url) as client:
            uid = await client.launch_model("other", model_engine="echo", wait_ready=False)
            handle = await client.get_model("chat")
            stream = await handle.chat(HELLO, generate_config={"stream": True})
            text = text_of([chunk async for chunk in stream])
            with pytest.raises(ClientError, match="no model 'nope'"):
                await client.terminate_model("nope")
            server.endless = True
            async with await handle.chat(HELLO, generate_config={"stream": True}) as endless:
                await anext(endless)
            assert await asyncio.to_thread(server.client_gone.wait, 60)
            return uid, text

    assert asyncio.run(session()) == ("other", "Hello there")


def test_both_clients_offer_the_same_calls_with_the_same_signatures() -> None:
    def offered(client: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(member))
            for name, member in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_") and name not in ("run", "open", "close")
        }

    sync, other = offered(RESTfulClient), offered(AsyncRESTfulClient)
    assert sync == other
    assert "launch_model" in sync
    assert "model_uid" in sync["terminate_model"]
    assert RESTfulClient.list_models.__doc__


def test_the_client_brings_nothing_of_the_server_along() -> None:
    # httpx imports click and rich by itself, for its own command, where it finds them.
    code = (
        "import sys, httpx\n"
        "before = set(sys.modules)\n"
        "import xinfer.client\n"
        "more = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "foreign = more - set(sys.stdlib_module_names) - {'xinfer'}\n"
        "assert not foreign, foreign\n"
        "heavy = {'falcon', 'sqlalchemy', 'hydra', 'omegaconf', 'gevent', 'gunicorn', 'msgspec'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "mine = {name for name in sys.modules if name.startswith('xinfer.')}\n"
        "assert all(name.startswith('xinfer.client') for name in mine), mine\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
