"""JSON Schemas of the API's models, and the envelopes around them."""

from collections.abc import Iterable
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from shared.api.envelope import APIResponse, ErrorBody
from shared.api.openapi.media import JsonObject

T = TypeVar("T")

REFERENCE = "#/components/schemas/{model}"


class SuccessEnvelope(APIResponse[T]):
    """The envelope of an answer that succeeded."""

    success: Literal[True]
    data: T
    error: None


class ErrorEnvelope(APIResponse[None]):
    """The envelope of an answer that failed."""

    success: Literal[False]
    data: None
    error: ErrorBody


class RefusedEnvelope(APIResponse[T]):
    """The envelope of a failure that still answers: `data` says what is wrong with each item."""

    success: Literal[False]
    data: T
    error: ErrorBody


class _SchemaGenerator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles that only repeat a property's name are noise."""
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Answers carry every field, the ones with a default too, but those that are left out where they are None."""
        if self.mode == "serialization" and not field.get("serialization_exclude_if"):
            return True
        return super().field_is_required(field, total)


class SchemaCollection:
    """The schemas of requests, query strings and answers under one roof."""

    def __init__(
        self,
        requests: Iterable[type[BaseModel]],
        queries: Iterable[type[BaseModel]],
        answers: Iterable[type[BaseModel]],
        bare: Iterable[type[BaseModel]],
        refused: Iterable[type[BaseModel]],
    ) -> None:
        queries = dict.fromkeys(queries)
        envelopes = {model: _wrap(SuccessEnvelope, model) for model in answers}
        refusals = {model: _wrap(RefusedEnvelope, model) for model in refused}
        inputs: list[type[BaseModel]] = [*dict.fromkeys(requests), *queries]
        outputs: list[type[BaseModel]] = [
            *envelopes.values(),
            *refusals.values(),
            *dict.fromkeys(bare),
            ErrorEnvelope,
        ]
        found, document = models_json_schema(
            _pair(inputs, "validation") + _pair(outputs, "serialization"),
            ref_template=REFERENCE,
            schema_generator=_SchemaGenerator,
        )
        self._references = {model: reference for (model, _), reference in found.items()}
        self._envelopes = envelopes
        self._refusals = refusals
        self.schemas: dict[str, JsonObject] = document["$defs"]
        self._queries = {model: self.schemas.pop(self._name(model)) for model in queries}

    def refer_to(self, model: type[BaseModel]) -> JsonObject:
        """`$ref` of a model by itself."""
        return dict(self._references[model])

    def refer_to_envelope(self, model: type[BaseModel]) -> JsonObject:
        """`$ref` of the envelope whose `data` is `model`."""
        return self.refer_to(self._envelopes[model])

    def refer_to_refusal(self, model: type[BaseModel]) -> JsonObject:
        """`$ref` of the envelope of a failure whose `data` is `model`."""
        return self.refer_to(self._refusals[model])

    def list_query_parameters(self, model: type[BaseModel]) -> list[JsonObject]:
        """A query string's model as parameters."""
        schema = cast("Any", self._queries[model])
        required = schema.get("required", [])
        return [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                **_split_description(_drop_null(property_schema)),
            }
            for name, property_schema in schema["properties"].items()
        ]

    def _name(self, model: type[BaseModel]) -> str:
        return str(self._references[model]["$ref"]).rsplit("/", 1)[-1]


def _wrap(envelope: type[BaseModel], model: type[BaseModel]) -> type[BaseModel]:
    # A type chosen at run time cannot be written as a type argument.
    return cast("type[BaseModel]", envelope.__class_getitem__(model))


def _pair(
    models: Iterable[type[BaseModel]], mode: JsonSchemaMode
) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    return [(model, mode) for model in models]


def _drop_null(schema: JsonObject) -> JsonObject:
    """A query string cannot say null: what may be null may be left out."""
    choices = cast("list[JsonObject] | None", schema.get("anyOf"))
    if choices is None:
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    kept = [choice for choice in choices if choice.get("type") != "null"]
    return {**rest, **kept[0]} if len(kept) == 1 else {**rest, "anyOf": kept}


def _split_description(schema: JsonObject) -> JsonObject:
    rest = {key: value for key, value in schema.items() if key != "description"}
    said = schema.get("description")
    return {"schema": rest} if said is None else {"description": said, "schema": rest}
