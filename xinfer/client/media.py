"""Calls that make or read pictures, sound, film and worlds. Run by a model's handle.

No engine of xinfer does these yet: the server answers each with 501, raised as ClientError.
The fields are those that Xinference's servers read. A file is its bytes or a path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, StreamCall, given, same

if TYPE_CHECKING:
    from xinfer.client.results.media import AudioEmbedding, MediaList, Transcript
    from xinfer.client.streamable import Blob

File = tuple[str, tuple[str, bytes, str]]
Fields = dict[str, Json]

_STREAM = "application/octet-stream"


def text_to_image(
    model_uid: str,
    /,
    prompt: str,
    n: int = 1,
    size: str = "1024*1024",
    response_format: str = "url",
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` pictures of `size` (pixels, width*height): `data` of a `url` or `b64_json` each."""
    body = {"model": model_uid, "prompt": prompt, "n": n, "size": size}
    body |= {"response_format": response_format, "kwargs": json.dumps(kwargs)}
    return _json("make the pictures", "/v1/images/generations", body)


def image_to_image(
    model_uid: str,
    /,
    image: Blob | Sequence[Blob],
    prompt: str,
    negative_prompt: str | None = None,
    n: int = 1,
    size: str | None = None,
    response_format: str = "url",
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` variations of a picture, as `text_to_image` returns its own."""
    fields: Fields = {
        "model": model_uid,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "n": n,
    }
    fields |= {"size": size, "response_format": response_format, "kwargs": kwargs}
    return _form("vary the picture", "/v1/images/variations", fields, _files("image", image))


def image_edit(
    model_uid: str,
    /,
    images: Blob | Sequence[Blob],
    prompt: str,
    mask: Blob | None = None,
    n: int = 1,
    size: str | None = None,
    response_format: str = "url",
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` pictures changed as `prompt` says, where `mask` allows it; see `text_to_image`."""
    fields: Fields = {"model": model_uid, "prompt": prompt, "n": n, "size": size}
    fields |= {"response_format": response_format, "kwargs": kwargs}
    files = _files("images", images) + _files("mask", mask)
    return _form("edit the picture", "/v1/images/edits", fields, files)


def inpainting(
    model_uid: str,
    /,
    image: Blob,
    mask_image: Blob,
    prompt: str,
    negative_prompt: str | None = None,
    n: int = 1,
    size: str | None = None,
    response_format: str = "url",
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` times a picture made anew where the mask is white; see `text_to_image`."""
    fields: Fields = {
        "model": model_uid,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "n": n,
    }
    fields |= {"size": size, "response_format": response_format, "kwargs": kwargs}
    files = _files("image", image) + _files("mask_image", mask_image)
    return _form("paint the picture", "/v1/images/inpainting", fields, files)


def ocr(model_uid: str, /, image: Blob, **kwargs: Json) -> Call[Json]:
    """The text in a picture."""
    fields: Fields = {"model": model_uid, "kwargs": kwargs}
    return _form("read the picture", "/v1/images/ocr", fields, _files("image", image))


def transcriptions(
    model_uid: str,
    /,
    audio: Blob,
    language: str | None = None,
    prompt: str | None = None,
    response_format: str | None = "json",
    temperature: float | None = 0,
    timestamp_granularities: Sequence[str] | None = None,
    **kwargs: Json,
) -> Call[Transcript]:
    """What is said in a recording, in its language, as `text`."""
    fields: Fields = {
        "language": language,
        "prompt": prompt,
        "response_format": response_format,
    }
    fields |= {"model": model_uid, "temperature": temperature, "kwargs": kwargs or None}
    fields["timestamp_granularities[]"] = timestamp_granularities
    return _form("transcribe", "/v1/audio/transcriptions", fields, _files("file", audio))


def translations(
    model_uid: str,
    /,
    audio: Blob,
    language: str | None = None,
    prompt: str | None = None,
    response_format: str | None = "json",
    temperature: float | None = 0,
    timestamp_granularities: Sequence[str] | None = None,
) -> Call[Transcript]:
    """What is said in a recording, in English, as `text`."""
    fields: Fields = {
        "language": language,
        "prompt": prompt,
        "response_format": response_format,
    }
    fields |= {"model": model_uid, "temperature": temperature}
    fields["timestamp_granularities[]"] = timestamp_granularities
    return _form("translate", "/v1/audio/translations", fields, _files("file", audio))


def speech(
    model_uid: str,
    /,
    input: str,
    voice: str = "",
    response_format: str = "mp3",
    speed: float = 1.0,
    stream: bool = False,
    prompt_speech: Blob | None = None,
    prompt_latent: Blob | None = None,
    **kwargs: Json,
) -> Call[bytes] | StreamCall[bytes]:
    """A text spoken: the sound's bytes, or with `stream` an iterator of pieces of these."""
    fields: Fields = {"model": model_uid, "input": input, "voice": voice, "speed": speed}
    fields |= {"response_format": response_format, "stream": stream}
    files = _files("prompt_speech", prompt_speech) + _files("prompt_latent", prompt_latent)
    to: dict[str, Json] = {"what": "speak", "method": "POST", "path": "/v1/audio/speech"}
    to |= {"binary": True, "silence_s": None, "decode": same}
    if files:
        to |= {"form": _texts(fields | {"kwargs": kwargs}), "files": files}
    else:
        to["body"] = fields | {"kwargs": json.dumps(kwargs)}
    return StreamCall(**to) if stream else Call(**to)


def embed_audio(model_uid: str, /, audio: Blob) -> Call[AudioEmbedding]:
    """A recording as numbers: `embedding` and its `dimensions`."""
    fields: Fields = {"model": model_uid}
    return _form("embed the sound", "/v1/audio/embeddings", fields, _files("file", audio))


def text_to_video(model_uid: str, /, prompt: str, n: int = 1, **kwargs: Json) -> Call[MediaList]:
    """`n` films of a text: `data` of a `url` or `b64_json` each."""
    body = {"model": model_uid, "prompt": prompt, "n": n, "kwargs": json.dumps(kwargs)}
    return _json("make the film", "/v1/video/generations", body)


def image_to_video(
    model_uid: str,
    /,
    image: Blob,
    prompt: str,
    negative_prompt: str | None = None,
    n: int = 1,
    video: Blob | None = None,
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` films that begin with a picture; see `text_to_video`."""
    fields: Fields = {
        "model": model_uid,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "n": n,
    }
    files = _files("image", image) + _files("video", video)
    to = "/v1/video/generations/image"
    return _form("make the film", to, fields | {"kwargs": kwargs}, files)


def flf_to_video(
    model_uid: str,
    /,
    first_frame: Blob,
    last_frame: Blob,
    prompt: str,
    negative_prompt: str | None = None,
    n: int = 1,
    **kwargs: Json,
) -> Call[MediaList]:
    """`n` films between two pictures; see `text_to_video`."""
    fields: Fields = {
        "model": model_uid,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "n": n,
    }
    files = _files("first_frame", first_frame) + _files("last_frame", last_frame)
    to = "/v1/video/generations/flf"
    return _form("make the film", to, fields | {"kwargs": kwargs}, files)


def generate_world(
    model_uid: str,
    /,
    prompt: str,
    image: str | None = None,
    video: str | None = None,
    generation_config: Mapping[str, Json] | None = None,
    **model_kwargs: Json,
) -> Call[Json]:
    """A world of a text and a picture or film, each a `data:` URL."""
    body = given(image=image, video=video, generation_config=generation_config)
    body |= {"extra_body": model_kwargs} if model_kwargs else {}
    body |= {"model": model_uid, "prompt": prompt}
    return _json("make the world", "/v1/worlds/generations", body)


def infer(model_uid: str, /, *args: Json, **kwargs: Json) -> Call[Json]:
    """Whatever a flexible model does."""
    body = kwargs | {"model": model_uid, "args": list(args)}
    return _json("infer", "/v1/flexible/infers", body)


def _json(what: str, to: str, body: Mapping[str, Json]) -> Call[Json]:
    return Call(what=what, method="POST", path=to, body=body, decode=same, silence_s=None)


def _form(what: str, to: str, fields: Mapping[str, Json], files: Sequence[File]) -> Call[Json]:
    return Call(
        what=what,
        method="POST",
        path=to,
        form=_texts(fields),
        files=files,
        decode=same,
        silence_s=None,
    )


def _texts(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Fields of a form: objects as JSON, what is None left out."""
    return {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in given(**fields).items()
    }


def _files(field: str, blobs: Blob | Sequence[Blob] | None) -> list[File]:
    if blobs is None:
        return []
    several = [blobs] if isinstance(blobs, bytes | str | PathLike) else blobs
    return [
        (field, (f"{field}-{number}", _bytes(blob), _STREAM)) for number, blob in enumerate(several)
    ]


def _bytes(blob: Blob) -> bytes:
    return blob if isinstance(blob, bytes) else Path(blob).read_bytes()
