"""Mutated queries: whatever passes is one query over allowed tables, and nothing but our errors comes out."""

import random
import re
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from shared.errors import AlmanacError, ErrorCode
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from tests.fixtures.examples import choose_examples
from tests.guard.conftest import POLICY
from tests.guard.test_corpus import ALLOWED, REFUSED

GUARD = QueryGuard(POLICY)
CODES = {ErrorCode.SQL_INVALID, ErrorCode.SQL_NOT_ALLOWED, ErrorCode.TABLE_NOT_ALLOWED}
PIECES = [
    "; DROP TABLE nyc.t", ";", " JOIN secret.t USING (x)", ", secret.t", " UNION ALL SELECT * FROM secret.t",
    "(SELECT 1 FROM secret.t)", "secret.t", "`secret.t`", "nyc", "secret", "EXTERNAL_QUERY('a', 'b')", "ML.PREDICT(",
    "nyc.f(1)", "/*", "*/", "--", "#", "\n", "\r", "'", '"', "`", "'''", "\\", "r'", "(", ")", "[", "]", ",", ".", "@p",
    "?", "@@x", "\u00a0", "\u200b", "\ufeff", "é", "{", "$$", "WITH", "AS", "FROM", "JOIN", "UNNEST(", "CASE", "END",
    "|> WHERE TRUE", "|> JOIN secret.t ON TRUE", "PIVOT (SUM(x) FOR y IN (1))", "INTO", "DELETE FROM nyc.t",
    " AS `\u212a`", ", k.secret", " AS `\u0130`", ", i.t", " AS `\u017fecret`", ", `secret`.t", "`mar\u212aeting`",
    "marketing.t",
    "FOR SYSTEM_TIME AS OF @t", "INFORMATION_SCHEMA.TABLES", "STRUCT(", "DATE '2024-01-01'", "NOT", "-", "<", ">",
]  # fmt: skip
WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)


def swap_case(sql: str, rng: random.Random) -> str:
    return "".join(char.swapcase() if rng.random() < 0.3 else char for char in sql)


def insert_piece(sql: str, rng: random.Random) -> str:
    words = WORDS.findall(sql)
    words.insert(rng.randint(0, len(words)), rng.choice(PIECES))
    return "".join(words)


def replace_word(sql: str, rng: random.Random) -> str:
    words = WORDS.findall(sql) or [""]
    words[rng.randrange(len(words))] = rng.choice(PIECES)
    return "".join(words)


def drop_word(sql: str, rng: random.Random) -> str:
    words = WORDS.findall(sql) or [""]
    del words[rng.randrange(len(words))]
    return "".join(words)


def respace(sql: str, rng: random.Random) -> str:
    filler = rng.choice([" ", "\n", "\t", "/**/", " -- x\n", " # x\n", "/* ; FROM secret.t */"])
    return sql.replace(" ", filler)


def splice(sql: str, rng: random.Random, others: list[str]) -> str:
    other = rng.choice(others)
    return sql[: rng.randint(0, len(sql))] + other[rng.randint(0, len(other)) :]


MUTATIONS = [swap_case, insert_piece, replace_word, drop_word, respace]
SPLICES = [
    partial(splice, others=[case.sql for case in ALLOWED]),
    partial(splice, others=[case.sql for case in REFUSED]),
]
PLAIN = [case for case in ALLOWED if not re.search("['`\"#]|--", case.sql)]
SEEDS = st.integers(min_value=0, max_value=2**32)


def check(sql: str, default_dataset: str | None) -> GuardedQuery | AlmanacError:
    try:
        return GUARD.check(sql, default_dataset)
    except AlmanacError as error:
        return error


def assert_sound(sql: str, default_dataset: str | None) -> None:
    answer = check(sql, default_dataset)
    if isinstance(answer, AlmanacError):
        assert answer.code in CODES
        assert answer.details
        assert all(detail["line"] >= 1 and detail["column"] >= 1 for detail in answer.details)
        return
    tree = answer.tree
    assert isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery)
    assert not list(tree.find_all(exp.DML, exp.DDL, exp.Command, exp.Into, exp.Drop, exp.Alter))
    assert {(table.project, table.dataset) for table in answer.tables} <= {
        ("proj", "nyc"),
        ("other-proj", "pub"),
    }
    # A path outside of the allowed datasets can only be an array of a range variable.
    names = {fold(alias.name) for alias in tree.find_all(exp.TableAlias)}
    names |= {fold(column.name) for alias in tree.find_all(exp.TableAlias) for column in alias.columns}
    names |= {fold(table.name) for table in tree.find_all(exp.Table)}
    for table in tree.find_all(exp.Table):
        if table.db and table.db not in ("nyc", "pub"):
            assert fold(table.parts[0].name) in names
    # The parser makes nothing of a path by itself: what is an array says so.
    for unnest in tree.find_all(exp.Unnest):
        assert "UNNEST" in answer.sql.upper(), unnest


def fold(name: str) -> str:
    """A to Z alone, by their bytes: `bytes.lower` knows no other letters."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


@settings(max_examples=choose_examples(400))
@given(case=st.sampled_from(ALLOWED), seed=SEEDS, steps=st.integers(1, 4))
def test_mutated_queries_pass_only_with_allowed_tables(case, seed, steps):
    rng = random.Random(seed)
    sql = case.sql
    for _ in range(steps):
        sql = rng.choice([*MUTATIONS, *SPLICES])(sql, rng)
    assert_sound(sql, case.default_dataset)


@settings(max_examples=choose_examples(150))
@given(sql=st.text(max_size=80))
def test_any_text_is_answered(sql):
    assert_sound(sql, "nyc")


@settings(max_examples=choose_examples(150))
@given(pieces=st.lists(st.sampled_from([*PIECES, "SELECT", "1", "*", "t", "x", " "]), max_size=25))
def test_any_row_of_words_is_answered(pieces):
    assert_sound("SELECT " + " ".join(pieces), "nyc")


@settings(max_examples=choose_examples(150))
@given(case=st.sampled_from([case for case in REFUSED if case.verdict == "TABLE_NOT_ALLOWED"]), seed=SEEDS)
def test_comments_and_spaces_change_no_refusal(case, seed):
    answer = check(respace(case.sql, random.Random(seed)), case.default_dataset)
    assert isinstance(answer, AlmanacError)
    assert answer.code in CODES


@settings(max_examples=choose_examples(150))
@given(
    case=st.sampled_from(PLAIN),
    seed=SEEDS,
)
def test_comments_between_words_change_no_table(case, seed):
    rng = random.Random(seed)
    filler = rng.choice(["  ", "\n", "/* x */ ", " -- x\n", " # FROM secret.t\n"])
    plain = GUARD.check(case.sql, case.default_dataset)
    spaced = GUARD.check(case.sql.replace(" ", filler), case.default_dataset)
    assert spaced.tables == plain.tables
    assert spaced.deterministic is plain.deterministic
