"""The server that a command talks to: its options, its connection, and its refusals in words."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

from xinfer.cli.failure import Failure
from xinfer.cli.session import Sessions
from xinfer.client import ClientError, RESTfulClient, Unreachable
from xinfer.config.settings import API_KEY, ENDPOINT, environment
from xinfer.domain.home import Home
from xinfer.domain.names import did_you_mean
from xinfer.launch import record

if TYPE_CHECKING:
    from xinfer.client.results.models import ModelDescription


@dataclass(frozen=True, slots=True)
class Server:
    """Where the supervisor is (a URL without `/v1`) and the key for it, if any."""

    endpoint: str
    api_key: str | None = None

    @contextmanager
    def connect(self) -> Iterator[RESTfulClient]:
        """A client for the block; its errors leave the block as Failure."""
        with RESTfulClient(self.endpoint, self.api_key or self._session()) as client:
            try:
                yield client
            except ClientError as error:
                raise failure_of(error) from error

    def _session(self) -> str | None:
        """The access token of a login to it, where there was one."""
        return Sessions(environment(os.environ).home).token(self.endpoint)


def failure_of(error: ClientError) -> Failure:
    """A refused or unanswered call, and what to do about it."""
    if error.status == 401:
        return Failure(f"The server refused this: {error.detail}", _where_keys_are())
    if error.status == 403:
        return Failure(f"The server refused this: {error.detail}", error.hint)
    if isinstance(error, Unreachable):
        hint = f"{error.hint} {_where_it_listens(error.detail)}".strip()
        return Failure(f"{error.detail[:1].upper()}{error.detail[1:]}.", hint)
    return Failure(f"Could not {error.what}: {error.detail}", error.hint)


def _where_keys_are() -> str:
    own = Home(environment(os.environ).home).admin_key
    hint = "Give one with --api-key or XINFER_API_KEY, or use `xinfer login`."
    return f"{hint} The one of the server of this home is in {own}." if own.exists() else hint


def _where_it_listens(said: str) -> str:
    """Of the server of this home, if it runs and is not the one that `said` is about."""
    running = record.living(Home(environment(os.environ).home))
    if running is None or f" {running.endpoint} " in said:
        return ""
    return f"The server of this home listens at {running.endpoint}."


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --endpoint and --api-key, and hand them to the command as one `server`."""

    @click.option(
        *("-e", "--endpoint"),
        metavar="URL",
        callback=_check_endpoint,
        default=ENDPOINT.default,
        envvar=[ENDPOINT.name, ENDPOINT.peer],
        show_default=True,
        help="Address of the server.",
    )
    @click.option(
        *("-ak", "--api-key"),
        metavar="KEY",
        envvar=[API_KEY.name, API_KEY.peer],
        help="API key, where the server asks for one.",
    )
    @functools.wraps(command)
    def with_server(endpoint: str, api_key: str | None, **parameters: Any) -> Any:
        return command(server=Server(endpoint, api_key), **parameters)

    return with_server


def uid_argument(required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A positional UID that shells complete from the server's models."""
    return click.argument("uid", required=required, shell_complete=_complete_uid)


def find_model(client: RESTfulClient, uid: str) -> ModelDescription:
    """The server's entry for a model. Raises Failure with the nearest uid if there is none."""
    models = client.list_models()
    if uid not in models:
        hint = did_you_mean(uid, models) if models else "No models are declared: `xinfer launch`."
        raise Failure(f"There is no model '{uid}' at {client.base_url}.", hint)
    return models[uid]


def _check_endpoint(_context: click.Context, _option: click.Parameter, value: str) -> str:
    url = (value if "://" in value else f"http://{value}").rstrip("/").removesuffix("/v1")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{value!r} is not an address such as {ENDPOINT.default}.")
    return url


def _complete_uid(
    context: click.Context, _argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The models of the server, or nothing at all: completing must never complain."""
    endpoint = context.params.get("endpoint") or ENDPOINT.default
    try:
        with RESTfulClient(endpoint, context.params.get("api_key")) as client:
            models = client.list_models()
    except ClientError:
        return []
    return [CompletionItem(uid) for uid in sorted(models) if uid.startswith(incomplete)]
