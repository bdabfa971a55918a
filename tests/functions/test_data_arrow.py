"""GET /data with `?query=`: one query's result as an Arrow IPC stream, through the function."""

import gzip
from datetime import date

import pyarrow as pa
import pytest
import redis
import zstandard

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.servers.valkey import ValkeyServer
from shared.precompute.payload.encoding import encode_arrow_stream
from shared.warehouse.models.queries import QueryRequest
from tests.fixtures.containers import restart_with
from tests.fixtures.functions import SHOP, FunctionHost

ARROW = "application/vnd.apache.arrow.stream"
PATH = "/data/shop?query=names"


@pytest.fixture
def shop(computed_shop: FunctionHost) -> FunctionHost:
    """The shop, computed."""
    return computed_shop


def fetch(host: FunctionHost, path: str = PATH, *, method: str = "GET", **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return host.call("data", method, path, headers={"Accept": ARROW} | named)


def read(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(body).read_all()


def test_the_result_has_the_values_of_the_payload_in_arrow_types(shop: FunctionHost) -> None:
    answer = fetch(shop)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, ARROW)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="shop-names.arrows"'
    table = read(answer.data)
    assert (table.schema.types, table.schema.metadata) == (
        [pa.int64(), pa.string()],
        {b"truncated": b"false"},
    )
    assert [field.metadata[b"type"] for field in table.schema] == [b"INT64", b"STRING"]
    payload = shop.call("data", "GET", "/data/shop").json["data"]["queries"]["names"]
    assert [column.to_pylist() for column in table.columns] == payload["values"]


def test_every_type_keeps_its_own(functions: FunctionHost) -> None:
    sql = (
        "SELECT id, 1.5 AS f, TRUE AS b, name, b'x' AS y, NUMERIC '1.5' AS n, BIGNUMERIC '2.5' AS g, day, "
        "TIME '06:07:08.5' AS h, DATETIME(day) AS d, TIMESTAMP(day) AS t, JSON '{}' AS j, [id] AS a, "
        "STRUCT(id AS x) AS s FROM people ORDER BY id LIMIT 200"
    )
    tables = []
    for storage_read_min_rows, suffix in ((10_000, ""), (10, " -- again")):
        container = restart_with(functions.container, storage_read_min_rows=storage_read_min_rows)
        request = QueryRequest(sql + suffix, default_dataset="shop", max_rows=10_000)
        (outcome,) = container.warehouse.run_queries([request])
        tables.append(read(encode_arrow_stream(outcome.fields, outcome.result)))
    by_rest, by_storage = tables
    assert [str(one) for one in by_rest.schema.types] == [
        "int64", "double", "bool", "string", "binary", "decimal128(38, 9)", "decimal256(76, 38)", "date32[day]",
        "time64[us]", "timestamp[us]", "timestamp[us, tz=UTC]", "string", "list<item: int64>", "struct<x: int64>",
    ]  # fmt: skip
    assert by_rest.column("day")[0].as_py() == date(2024, 1, 1)
    assert by_storage.to_pylist() == by_rest.to_pylist()
    assert by_storage.schema.names == by_rest.schema.names


def test_encodings_say_the_same_and_each_has_its_etag(shop: FunctionHost) -> None:
    plain = fetch(shop, Accept_Encoding="identity")
    packed = fetch(shop, Accept_Encoding="gzip")
    denser = fetch(shop, Accept_Encoding="gzip, zstd")
    codings = [answer.headers.get("Content-Encoding") for answer in (plain, packed, denser)]
    assert codings == [None, "gzip", "zstd"]
    assert gzip.decompress(packed.data) == plain.data
    assert zstandard.ZstdDecompressor().decompressobj().decompress(denser.data) == plain.data
    assert len({answer.headers["ETag"] for answer in (plain, packed, denser)}) == 3
    assert not any(answer.headers["ETag"].startswith("W/") for answer in (plain, packed, denser))
    assert all(
        {"Accept", "Accept-Encoding"} <= set(one.headers["Vary"].split(", ")) for one in (plain, packed)
    )


def test_the_etag_holds_while_the_content_does(shop: FunctionHost) -> None:
    first = fetch(shop)
    again = fetch(shop, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    # Checked again, not changed: only the freshness in the headers moves.
    shop.precompute_shop()
    later = fetch(shop, If_None_Match=first.headers["ETag"])
    assert later.status_code == 304
    assert later.headers["X-Almanac-Checked-At"] > first.headers["X-Almanac-Checked-At"]
    assert later.headers["X-Almanac-As-Of"] == first.headers["X-Almanac-As-Of"]
    assert (first.headers["X-Almanac-Stale"], later.headers["X-Almanac-Stale"]) == ("false", "false")


def test_head_has_the_headers_and_no_body(shop: FunctionHost) -> None:
    head, full = fetch(shop, method="HEAD"), fetch(shop)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Type", "Vary", "X-Almanac-As-Of", "Content-Disposition"):
        assert head.headers[name] == full.headers[name]


def test_a_variant_has_its_own_stream(shop: FunctionHost) -> None:
    first, second = (
        read(fetch(shop, f"{PATH}&day={day}").data).column("id").to_pylist()
        for day in ("2024-01-01", "2024-01-02")
    )
    assert (first[0], second[0]) == (0, 1)


@pytest.mark.parametrize(
    ("accept", "path", "served"),
    [
        (f"{ARROW};q=0.5, application/json", PATH, ARROW),
        (f"text/html, {ARROW.upper()}", PATH, ARROW),
        (f"application/json, {ARROW};q=0.9", "/data/shop", "application/json"),
        (f"{ARROW};q=0", "/data/shop", "application/json"),
        (f"{ARROW}, */*", "/data/shop", "application/json"),
    ],
)
def test_the_type_is_the_one_preferred_among_those_there_are(
    shop: FunctionHost, accept: str, path: str, served: str
) -> None:
    answer = fetch(shop, path, Accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, served)


@pytest.mark.parametrize(
    ("accept", "path"),
    [
        ("application/json", PATH),
        ("*/*", PATH),
        (f"{ARROW};q=0", PATH),
        (ARROW, "/data/shop"),
        (f"{ARROW}, */*;q=0.1", "/data/shop"),
        (ARROW, "/data/shop?query=nothing"),
        (ARROW, "/data/shop?query="),
        (ARROW, "/data/shop?query=names&query=count"),
    ],
)
def test_what_is_not_answered_names_the_queries(shop: FunctionHost, accept: str, path: str) -> None:
    answer = fetch(shop, path, Accept=accept)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "INVALID_REQUEST")
    assert "names, count" in answer.json["error"]["message"]


def test_a_query_that_never_succeeded_says_so(functions: FunctionHost) -> None:
    broken = SHOP.replace("SELECT COUNT(*) AS people", "SELECT SUM(CAST(name AS INT64)) AS people")
    functions.save_shop(broken)
    functions.precompute_shop()
    answer = fetch(functions, "/data/shop?query=count")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
    assert fetch(functions).status_code == 200


def test_losing_the_cache_loses_no_stream(
    shop: FunctionHost, valkey_server: ValkeyServer, bigquery: BigQueryServer
) -> None:
    before, jobs = fetch(shop), bigquery.count_jobs()
    with redis.Redis.from_url(valkey_server.url) as client:
        assert client.exists(*client.keys("dash:shop:s:*")) == 1
        client.flushdb()
    assert fetch(shop).headers["ETag"] == before.headers["ETag"]
    assert bigquery.count_jobs() == jobs


def test_a_stream_over_the_bound_is_left_out_and_the_charts_stay(functions: FunctionHost) -> None:
    # 500 numbers: eight bytes each as Arrow, at most four as JSON.
    functions.save_shop(SHOP.replace("id, name", "id").replace("day = @day", "(id >= 0 OR day = @day)"))
    functions.restart_with(max_payload_bytes=4000)
    functions.precompute_shop()
    assert functions.call("data", "GET", "/data/shop").status_code == 200
    answer = fetch(functions)
    assert answer.json["error"]["code"] == "PAYLOAD_NOT_READY"
    assert "MAX_PAYLOAD_BYTES" in answer.json["error"]["message"]
    assert fetch(functions, "/data/shop?query=count").status_code == 200


def test_nobody_is_served_without_signing_in(shop: FunctionHost) -> None:
    answer = shop.call("data", "GET", PATH, email=None, headers={"Accept": ARROW})
    assert answer.status_code == 401
