"""The JSON Schema (draft 2020-12) of a recipe, for editors; written by `scripts/schema`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args, get_origin

from xinfer.config.check import field_types, inner
from xinfer.config.schema import Model, Recipe, Source
from xinfer.domain.options import Option
from xinfer.domain.ports import Engine, Engines

Json = dict[str, Any]

_INTERPOLATION: Json = {"$ref": "#/$defs/interpolation"}
_TYPES: dict[Any, Json] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": ["string", "number"]},
}
_OPTION_TYPES: dict[str, Json] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": ["string", "number"]},
    "list[str]": {"type": "array", "items": {"type": ["string", "number"]}},
    "list[float]": {"type": "array", "items": {"type": "number"}},
    "dict": {"type": "object"},
}
_HUBS = ("path", "package", "huggingface", "modelscope")


def recipe_schema(engines: Engines) -> Json:
    """The schema with the options of these engines."""
    kinds = [engines.get(name) for name in sorted(engines.names())]
    definitions: Json = {
        "interpolation": {
            "type": "string",
            "pattern": r"\$\{.+\}",
            "description": "${oc.env:NAME,default} or ${another.key}.",
        },
        "source": _source(),
        "model": _model(kinds),
    }
    definitions |= {f"options.{engine.name}": _options(engine) for engine in kinds}
    schema = _section(Recipe)
    properties: Json = schema["properties"]
    properties["defaults"] = {
        "type": ["array", "string"],
        "description": "Files that this recipe is a difference to; usually [base].",
        "items": {"type": ["string", "object"]},
    }
    properties["models"]["additionalProperties"] = {"$ref": "#/$defs/model"}
    properties["models"]["propertyNames"] = {"pattern": "^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$"}
    properties["engine"] = _engine_section(properties["engine"], kinds)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "xinfer recipe",
        **schema,
        "$defs": definitions,
    }


def recipe_schema_text(engines: Engines) -> str:
    """The schema as it is checked in."""
    return json.dumps(recipe_schema(engines), indent=1, ensure_ascii=False) + "\n"


def _section(cls: type) -> Json:
    properties: Json = {}
    hints = field_types(cls)
    for item in dataclasses.fields(cls):
        properties[item.name] = _value(hints[item.name], item)
    return {
        "type": ["object", "null"],
        "description": str(cls.__doc__),
        "properties": properties,
        "additionalProperties": False,
    }


def _value(hint: Any, item: dataclasses.Field[Any]) -> Json:
    described: Json = {"description": item.metadata["doc"]}
    if item.default not in (dataclasses.MISSING, None):
        described["default"] = item.default
    kind, optional = inner(hint)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _section(kind) | described
    if kind is Any:
        return described
    if get_origin(kind) is list:
        items = _or_interpolation(_TYPES[get_args(kind)[0]])
        return _or_interpolation({"type": "array", "items": items}) | described
    if get_origin(kind) is dict:
        value = get_args(kind)[1]
        values = _TYPES.get(value, {})
        if isinstance(value, type) and dataclasses.is_dataclass(value):
            values = _section(value)
        return {"type": ["object", "null"], "additionalProperties": values} | described
    return _or_interpolation(_bounded(_TYPES[kind], item), optional=optional) | described


def _bounded(base: Json, item: dataclasses.Field[Any]) -> Json:
    if item.metadata["choices"]:
        return {"enum": list(item.metadata["choices"])}
    bounds = {name: item.metadata[name] for name in ("minimum", "maximum")}
    return base | {name: bound for name, bound in bounds.items() if bound is not None}


def _or_interpolation(base: Json, *, optional: bool = False) -> Json:
    return {"anyOf": [base, _INTERPOLATION, *([{"type": "null"}] if optional else [])]}


def _source() -> Json:
    section = _section(Source)
    return section | {"type": "object", "oneOf": [{"required": [hub]} for hub in _HUBS]}


def _model(engines: list[Engine]) -> Json:
    section = _section(Model)
    properties: Json = section["properties"]
    properties["source"] = {"$ref": "#/$defs/source"}
    properties["engine"] |= _or_interpolation({"enum": [engine.name for engine in engines]})
    properties["command"] |= {"type": ["string", "array"]}
    properties["memory"] |= {"type": ["string", "integer", "null"]}
    properties["n_gpu"] |= {"type": ["string", "integer", "null"]}
    # A later file of a defaults list may hold a part of a model only, so nothing is required of it
    # but what every part can say.
    return section | {"type": "object", "allOf": [_when(engine) for engine in engines]}


def _when(engine: Engine) -> Json:
    then: Json = {"engine_kwargs": {"$ref": f"#/$defs/options.{engine.name}"}}
    names = {option.name for option in engine.options}
    then |= {name: False for name in ("command", "ready") if name not in names}
    condition = {"properties": {"engine": {"const": engine.name}}, "required": ["engine"]}
    return {"if": condition, "then": {"properties": then}}


def _engine_section(section: Json, engines: list[Engine]) -> Json:
    properties: Json = {}
    shape = get_args(field_types(Recipe)["engine"])[1]
    for engine in engines:
        one = _section(shape)
        one["properties"]["options"] = {"$ref": f"#/$defs/options.{engine.name}"}
        properties[engine.name] = one
    return section | {"properties": properties, "additionalProperties": False}


def _options(engine: Engine) -> Json:
    properties: Json = {}
    for option in engine.options:
        for spelling in (option.name, *option.aliases):
            properties[spelling] = _option(option)
    return {
        "type": ["object", "null"],
        "description": f"Options of engine {engine.name}.",
        "properties": properties,
        "additionalProperties": False,
    }


def _option(option: Option) -> Json:
    base: Json = (
        {"enum": list(option.choices)} if option.choices else dict(_OPTION_TYPES[option.type])
    )
    if option.minimum is not None:
        base["minimum"] = option.minimum
    if option.maximum is not None:
        base["maximum"] = option.maximum
    described: Json = {"description": option.doc}
    if option.default is not None:
        described["default"] = option.default
    return _or_interpolation(base, optional=True) | described
