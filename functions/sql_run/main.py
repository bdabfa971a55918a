"""POST /sql/run: one query, planned or run for a sample of at most 100 rows."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.errors import AlmanacError
from shared.schemas.sql import SqlRunRequest, SqlRunResponse


@endpoint("sql_run", span="sql.run", action="sql.run")
def sql_run(call: Call) -> Reply:
    """Run the query of the body under guard, cap and budget."""
    query = call.parse_json(SqlRunRequest).to_query()
    answer = get_container().sql_runs.run_queries([query], actor=call.caller.email, is_gone=call.is_gone)[0]
    if isinstance(answer, AlmanacError):
        raise answer
    call.bytes_billed = answer.receipt.bytes_settled
    return Reply(SqlRunResponse.from_answer(answer))
