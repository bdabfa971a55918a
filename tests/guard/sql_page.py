"""docs/sql.md from the guard's own lists: `python -m tests.guard.sql_page` writes it anew; a test compares."""

import sys
import textwrap
from collections import Counter
from pathlib import Path

from shared.sql.statement import UNREAD
from shared.warehouse.guard.functions import FUNCTIONS, NAMESPACED_FUNCTIONS, NON_DETERMINISTIC_WORDS
from shared.warehouse.guard.policy import DATASET_METADATA_VIEWS, GuardPolicy
from shared.warehouse.guard.rules import MAX_SOURCES
from tests.sql.corpus import ANSWERS_OTHERWISE, CANNOT_RUN, KINDS, read_accepted, read_corpus

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"
_POLICY = GuardPolicy("project", [])
_PAGE = """\
# What SQL passes

Every query, of a dashboard as well as typed, goes through one guard before BigQuery sees it. It lets through one
statement that only reads, over tables of `ALLOWED_DATASETS`, made of functions that only compute. What is on no
list does not pass. Each refusal names what it refuses, with line and column. Behind the guard BigQuery's own dry run
is the second witness: it has to call the statement a SELECT, and to name no table and no routine that is not allowed.

Written by `python -m tests.guard.sql_page` from the lists the guard works with; a test compares.

## Statements

One `SELECT`, `WITH` or pipe query that begins with `FROM`; semicolons behind it do no harm. No second statement, no
DML, no DDL, no scripts and their variables, no `CALL`, `EXPORT`, `LOAD`, `EXECUTE IMMEDIATE`, no legacy SQL.

At most {size} KiB of text, brackets and operators nested {depth} deep, {sources:,} tables or arrays joined.

## Tables

- Of the datasets in `ALLOWED_DATASETS`, written out by name; a name without a dataset is of the dashboard's `dataset`.
- Wildcards (`events_*`) of those datasets. `_TABLE_SUFFIX` filters them.
- Views: the dry run names the tables and routines behind them, which must be allowed, too.
- No decorators (`t$20260101`, `t@-3600`): write `FOR SYSTEM_TIME AS OF` or filter on `_PARTITIONDATE`.
- Names are compared as BigQuery does: aliases and CTEs by the letters A to Z in either case, tables exactly.

Of a dataset's metadata, `dataset.INFORMATION_SCHEMA.` and one of

{views}

## Values

Parameters by name, `@origin`, bound and typed. No `?` and no `@@system_variables`.

## Functions

{functions}

With a namespace:

{namespaced}

`SAFE.` may stand before each of them. Stored routines, models (`ML.`, `AI.`), keys and remote
functions never run.

With one of these words the answer can change while no table does, so `max_age` decides when it is computed again:
{changing}.

Calls may be chained, `(name).LOWER()`; what stands behind the dot is on the same lists.

## Stored functions and table functions

None, unless `ALLOWED_ROUTINES` lists them: yours as `dataset.function`, for the project that pays, or as
`project.dataset.function`, and BigQuery's own table functions by name (`APPENDS`, `GAP_FILL`, `VECTOR_SEARCH`…). One
entry allows a routine with and without its project, `nyc.delays(1)` and `` `proj.nyc.delays`(1) ``; the dry run has to
name no other. A `TABLE path` that a table function is given, in any place, is judged as every other table, and so is a
query in brackets. A project with a hyphen goes in backticks there.

## Columns

Each column of the result has a name of its own, compared without case, that holds none of
``! " $ ( ) * , . / ; ? @ [ \\ ] ^ ` {{ }} ~`` and does not begin like a name that BigQuery keeps for itself (`_TABLE_`,
`_PARTITION`…).

## Where it is said

`almanac validate`, the editor, compile, save, `/sql/run` and lineage read a text in one way, and all but lineage judge
it by these rules. What needs no warehouse is found offline. There the lists come from `ALLOWED_DATASETS`,
`ALLOWED_ROUTINES` and `GOOGLE_CLOUD_PROJECT` of the environment, else from the nearest `pyproject.toml`:

```toml
[tool.almanac]
project = "acme"
allowed_datasets = ["nyc"]
allowed_routines = ["nyc.delays"]
```

Without a list of datasets no table is refused offline.

## What BigQuery accepts and Almanac does not read yet

| written | write instead |
|---|---|
{unread}

## The compiled parser

`sqlglotc` 30.30.0 (sqlglot compiled) was tried and is not used:

- Its classes cannot carry a reading of one's own: `shared/sql` sets attributes and replaces methods of the parser,
  which the compiled one does not let it do. Over the compiled base, 0 of the corpus' 346 texts are read, 283 over
  the plain one (0.11 s of CPU in all, so that little is to be gained per query).
- In child processes, the library alone dies of SIGSEGV at 10,000 brackets or CASE within one another (3,000 pass),
  where the plain one raises RecursionError; `(SELECT * FROM …` nested as deeply does not end. The lexer's bound on
  nesting, 24 levels before the parse, lies far below; but a parser that can take the process with it stays out of
  what reads the texts of strangers.

## Against Google's own analyser

Tests hold the queries of `tests/sql/corpus` against GoogleSQL's analyser: verdict, names of columns, and the columns of
tables that each is drawn from. What differs, and why:

| what | why |
|---|---|
{differences}

The dry run, not the text, finds names and types that are wrong. Left to it beyond that:

{left}

Refused although the analyser takes it:

{stricter}

## Names and types of columns on the local stack

BigQuery's dry run says what columns a query returns, of which names and types; on the local stack the emulator says it.
Of the {accepted} queries of the corpus that are accepted, {equal} get the analyser's names, types, modes and fields
there. For the others, the local stack is no witness: try such a query with `bq query --dry_run`.

Refused by the emulator:

| what | queries | which |
|---|---|---|
{not_run}

Answered with other columns:

| what | queries | which |
|---|---|---|
{otherwise}
"""


def render_page() -> str:
    """The text of docs/sql.md."""
    rows = [f"| `{written}` | `{instead}` |" for written, instead in sorted(UNREAD.items())]
    accepted = read_accepted()
    return _PAGE.format(
        size=_POLICY.max_sql_bytes // 1024,
        depth=_POLICY.max_depth,
        sources=MAX_SOURCES,
        views=_wrap(DATASET_METADATA_VIEWS),
        functions=_wrap(FUNCTIONS),
        namespaced=_wrap(NAMESPACED_FUNCTIONS),
        changing=", ".join(f"`{word}`" for word in sorted(NON_DETERMINISTIC_WORDS)),
        unread="\n".join(rows),
        differences="\n".join(f"| {kind} | {reason} |" for kind, reason in KINDS.items()),
        left=_list_queries("left to the dry run"),
        stricter=_list_queries("stricter than the analyser"),
        accepted=len(accepted),
        equal=sum(not query.local for query in accepted),
        not_run=_count_local(CANNOT_RUN),
        otherwise=_count_local(ANSWERS_OTHERWISE),
    )


def _count_local(kinds: dict[str, str]) -> str:
    counts = Counter(query.local for query in read_accepted())
    return "\n".join(f"| {kind} | {counts[kind]} | {which} |" for kind, which in kinds.items())


def _list_queries(verdict: str) -> str:
    found = [query for query in read_corpus() if query.verdict == verdict and query.reason != "names"]
    return "\n".join(f"- {query.reason}: `{query.sql.rstrip(';')}`" for query in found)


def _wrap(words: frozenset[str]) -> str:
    return "```text\n" + textwrap.fill(" ".join(sorted(words)), 118, break_on_hyphens=False) + "\n```"


def main() -> int:
    """Write the page; answers the exit code."""
    PAGE.write_text(render_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
