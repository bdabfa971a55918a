"""What a reader of one text says against it."""

from shared.errors import AlmanacError
from shared.sql.parsing import parse_sql
from shared.sql.text import SqlProblem, make_problems, read_sql


def find_sql_problem(sql: str) -> SqlProblem | None:
    """The first reason why `sql` is not exactly one BigQuery query that parses, or None."""
    found = read_sql(sql).problem
    if found is not None:
        return found
    try:
        parse_sql(sql)
    except AlmanacError as error:
        return make_problems(sql, error)[0]
    return None
