"""A query's result as an Arrow IPC stream."""

from collections.abc import Sequence

from shared.precompute.payload.encoding import describe_type
from shared.warehouse.models.queries import OutputField, ResultRows

_ROWS_PER_BATCH = 65_536


def encode_arrow_stream(fields: Sequence[OutputField], result: ResultRows) -> bytes:
    """The stream, uncompressed: not every reader knows compressed buffers, every HTTP client a coded body.

    The Arrow types are those that BigQuery reads itself out with. Each field's metadata has BigQuery's own type
    name under `type`, which tells JSON and GEOGRAPHY from STRING; the schema's says whether rows are missing
    under `truncated`.
    """
    import pyarrow as pa

    table = result.table
    schema = pa.schema(
        [
            pa.field(field.name, table.schema.field(index).type, metadata={"type": describe_type(field)})
            for index, field in enumerate(fields)
        ],
        metadata={"truncated": "true" if result.truncated else "false"},
    )
    # Combined: how the rows came, in pages or batches, must not show.
    whole = pa.Table.from_arrays(table.columns, schema=schema).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(whole, max_chunksize=_ROWS_PER_BATCH)
    return bytes(sink.getvalue())
