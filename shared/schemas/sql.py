"""/sql/run."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator

from shared.dashboards.definition.parameter_values import PARAMETER_TYPES, ParameterValueError
from shared.errors import InvalidRequestError
from shared.precompute.payload.encoding import to_json_rows
from shared.schemas.base import ByteSize, Money, RequestModel, ResponseModel, WholeNumber
from shared.schemas.queries import OutputFieldModel, PartitionUseModel, ReceiptModel
from shared.schemas.sql_values import read_json_value
from shared.sql.lexer import fold_name
from shared.time_zones import TIME_ZONE_FORMAT, is_time_zone
from shared.warehouse.models.queries import QueryOutcome, QueryParameter, SampleRows
from shared.warehouse.sql_runs import MAX_SAMPLE_ROWS, SqlPlan, SqlQuery


def _check_zone(value: str) -> str:
    if not is_time_zone(value):
        raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Berlin")
    return value


TimeZone = Annotated[str, AfterValidator(_check_zone), Field(json_schema_extra={"format": TIME_ZONE_FORMAT})]


class SqlParameter(RequestModel):
    """A named, typed query parameter."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")
    type: str = Field(description="BigQuery type, for example STRING or ARRAY<INT64>.")
    value: Any = Field(
        description='As JSON. An INT64 may be decimal text, a FLOAT64 "NaN", "Infinity" or "-Infinity"; '
        "null is the NULL of a scalar type."
    )

    @field_validator("type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        if value not in PARAMETER_TYPES:
            raise ValueError(f"{value!r} is not a parameter type; accepted: {', '.join(PARAMETER_TYPES)}")
        return value

    def to_parameter(self) -> QueryParameter:
        """What the warehouse binds. Raises InvalidRequestError when the value does not fit the type."""
        try:
            return QueryParameter(self.name, self.type, read_json_value(self.type, self.value))
        except ParameterValueError as error:
            raise InvalidRequestError(f"Parameter {self.name}: {error.message}.") from error


class SqlRunRequest(RequestModel):
    """One query: planned with `dry_run`, else run for at most `sample_rows` rows."""

    sql: str
    parameters: list[SqlParameter] = Field(default_factory=list, max_length=100)
    dataset: str | None = Field(None, pattern=r"^([A-Za-z0-9:._-]+\.)?[A-Za-z0-9_]+$", examples=["nyc"])
    max_bytes_billed: ByteSize | None = Field(None, examples=["1 GB", 1000000000])
    dry_run: bool = False
    sample_rows: WholeNumber = Field(MAX_SAMPLE_ROWS, ge=0, le=MAX_SAMPLE_ROWS)
    time_zone: TimeZone | None = Field(
        None,
        description="IANA zone of the job, as a dashboard's time_zone sets it. Default: UTC.",
        examples=["America/New_York"],
    )

    @field_validator("parameters")
    @classmethod
    def _check_names(cls, value: list[SqlParameter]) -> list[SqlParameter]:
        seen: dict[str, str] = {}
        for parameter in value:
            known = seen.setdefault(fold_name(parameter.name), parameter.name)
            if known is not parameter.name:
                raise ValueError(
                    f"{known} and {parameter.name} are one parameter: BigQuery ignores the case of its name"
                )
        return value

    def to_query(self) -> SqlQuery:
        """What the service takes."""
        return SqlQuery(
            sql=self.sql,
            parameters=tuple(parameter.to_parameter() for parameter in self.parameters),
            dataset=self.dataset,
            max_bytes_billed=self.max_bytes_billed,
            dry_run=self.dry_run,
            sample_rows=self.sample_rows,
            time_zone=self.time_zone,
        )


class JobModel(ResponseModel):
    """The BigQuery job."""

    job_id: str
    project: str
    location: str | None
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    bytes_processed: int | None
    slot_millis: int | None


class SqlRunResponse(ResponseModel):
    """The answer to one query; a dry run has no job and no rows.

    What a run is expected to be billed, and its cap, are those of a dry run: null for a query that ran.
    """

    dry_run: bool
    job: JobModel | None
    output_schema: list[OutputFieldModel]
    referenced_tables: list[str]
    cap_bytes: int | None
    bytes_billed_expected: int | None
    usd_billed_expected: Money | None
    partitions: list[PartitionUseModel]
    receipt: ReceiptModel
    rows: list[list[Any]]
    total_rows: int | None
    truncated: bool

    @classmethod
    def from_answer(cls, answer: SqlPlan | QueryOutcome[SampleRows]) -> Self:
        """The answer of the service."""
        return cls.from_plan(answer) if isinstance(answer, SqlPlan) else cls.from_outcome(answer)

    @classmethod
    def from_outcome(cls, outcome: QueryOutcome[SampleRows]) -> Self:
        """The answer of a query that ran."""
        return cls(
            dry_run=False,
            job=JobModel.model_validate(outcome.job),
            output_schema=[OutputFieldModel.model_validate(field) for field in outcome.fields],
            referenced_tables=[str(table) for table in outcome.referenced_tables],
            cap_bytes=None,
            bytes_billed_expected=None,
            usd_billed_expected=None,
            partitions=[],
            receipt=ReceiptModel.model_validate(outcome.receipt),
            rows=to_json_rows(outcome.fields, outcome.result.rows),
            total_rows=outcome.result.total_rows,
            truncated=outcome.result.truncated,
        )

    @classmethod
    def from_plan(cls, answer: SqlPlan) -> Self:
        """The answer of a query that was planned only."""
        plan = answer.plan
        return cls(
            dry_run=True,
            job=None,
            output_schema=[OutputFieldModel.model_validate(field) for field in plan.fields],
            referenced_tables=[str(table) for table in plan.referenced_tables],
            cap_bytes=plan.cap_bytes,
            bytes_billed_expected=plan.bytes_billed_expected,
            usd_billed_expected=answer.usd_billed_expected,
            partitions=[PartitionUseModel.model_validate(use) for use in plan.partitions],
            receipt=ReceiptModel.model_validate(answer.receipt),
            rows=[],
            total_rows=None,
            truncated=False,
        )
