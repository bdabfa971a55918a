"""One instance of the analyser in this process: 126 MB, some milliseconds a query, one call at a time."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import zetasql.core.wasm_client
from google.protobuf.empty_pb2 import Empty
from wasmtime import Linker, Store, WasiConfig
from zetasql.core.exceptions import ServerError, StatusCode
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

from deploy.local.analyser.errors import RefusedError
from deploy.local.analyser.module import load_module, make_engine

_TIME_ZONES = "/usr/share/zoneinfo"
_POSITION = re.compile(r"\s*\[at (\d+:\d+)\]")
_ARGUMENTS = "Argument types: "


class AnalyserClient(zetasql.core.wasm_client.WasmClient):  # type: ignore[misc]
    """The service within the module compiled into `folder`; the package's own client compiles it each time."""

    def __init__(self, folder: Path) -> None:
        engine = make_engine()
        wasi = WasiConfig()
        wasi.preopen_dir(_TIME_ZONES, _TIME_ZONES)
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        self.module = load_module(engine, folder)
        linker = Linker(engine)
        linker.define_wasi()
        self.instance = linker.instantiate(self.store, self.module)
        self.exports = cast("Any", self.instance.exports(self.store))
        self.memory = self.exports["memory"]
        self.exports["_initialize"](self.store)
        self._language = self._read_language()

    def make_catalog(self) -> SimpleCatalogProto:
        """A catalog with every function and no table."""
        catalog = SimpleCatalogProto(name="root")
        catalog.builtin_function_options.language_options.CopyFrom(self._language)
        return catalog

    def register(self, catalog: SimpleCatalogProto) -> int:
        """Keep a catalog for many queries; its id for `registered_catalog_id` of a request."""
        request = service.RegisterCatalogRequest(simple_catalog=catalog)
        return int(self._call("RegisterCatalog", request, service.RegisterResponse).registered_id)

    def make_request(self, sql: str) -> service.AnalyzeRequest:
        """A request about one query, to which a catalog is to be added."""
        request = service.AnalyzeRequest(sql_statement=sql)
        request.options.language_options.CopyFrom(self._language)
        request.options.error_message_mode = public.ERROR_MESSAGE_ONE_LINE
        return request

    def analyse(self, request: service.AnalyzeRequest) -> Any:
        """The AnyResolvedStatementProto of a query. Raises RefusedError."""
        return self._call("Analyze", request, service.AnalyzeResponse).resolved_statement

    def list_tables(self, sql: str) -> Sequence[tuple[str, ...]]:
        """The names of tables as a query writes them, by their parts. Raises RefusedError where it cannot be read."""
        request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=self._language)
        answer = self._call(
            "ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse
        )
        return [tuple(name.table_name_segment) for name in answer.table_name]

    def _read_language(self) -> LanguageOptionsProto:
        request = service.LanguageOptionsRequest(maximum_features=True)
        options = self._call("GetLanguageOptions", request, LanguageOptionsProto)
        options.product_mode = public.PRODUCT_EXTERNAL
        return options

    def _call(self, name: str, request: Any, answer: Any = Empty) -> Any:
        try:
            return self.call_grpc_func(f"ZetaSqlLocalService_{name}", request, answer)
        except ServerError as error:
            if error.code != StatusCode.INVALID_ARGUMENT:
                raise
            raise RefusedError(_word(error.raw_error)) from error


def _word(raw: str) -> str:
    """`Code: 3, Message: …` in BigQuery's words: the kinds of arguments in the same line, the place at the end."""
    text = raw.partition("Message: ")[2]
    first, *others = _POSITION.sub("", text).splitlines()
    arguments = next((line.strip() for line in others if line.strip().startswith(_ARGUMENTS)), None)
    if arguments:
        first = f"{first} for argument types: {arguments.removeprefix(_ARGUMENTS)}"
    position = _POSITION.search(text)
    return f"{first} at [{position[1]}]" if position else first
