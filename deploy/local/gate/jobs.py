"""The job calls of BigQuery's REST API: metered on the way in, accounted for on the way out."""

import asyncio
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.local.gate.accounting.statistics import (
    LIMIT_EXCEEDED,
    billed_bytes,
    fill_dry_run,
    fill_job,
    fill_results,
    refused_job,
)
from deploy.local.gate.billing import Receipt
from deploy.local.gate.bodies import as_object, read_body, replace_text, reword_query
from deploy.local.gate.changes import Changes, query_targets
from deploy.local.gate.errors import GateError
from deploy.local.gate.job_timeouts import JobTimeouts
from deploy.local.gate.judging import Judge, Verdict
from deploy.local.gate.ledger import Ledger
from deploy.local.gate.limits.explaining import Explainer, read_error
from deploy.local.gate.reading.complexity import check_complexity
from deploy.local.gate.reading.outputs import check_names, list_fields
from deploy.local.gate.upstream import Upstream, copy_answer
from deploy.local.gate.zoning import Zones


class Jobs:
    """Handlers of the job calls."""

    def __init__(
        self,
        upstream: Upstream,
        ledger: Ledger,
        changes: Changes,
        judge: Judge,
        timeouts: JobTimeouts,
        explainer: Explainer,
        zones: Zones,
    ) -> None:
        self._upstream = upstream
        self._ledger = ledger
        self._changes = changes
        self._judge = judge
        self._timeouts = timeouts
        self._explainer = explainer
        self._zones = zones
        self._dry_runs = 0
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def insert(self, request: Request) -> Response:
        """jobs.insert, for queries, dry runs, loads and copies."""
        project = request.path_params["project"]
        body, resource = await read_body(request)
        configuration = as_object(resource.get("configuration"))
        query = as_object(configuration.get("query"))
        if not isinstance(query.get("query"), str):
            return self._account(await self._upstream.forward(request, body), None)
        await asyncio.to_thread(check_complexity, query["query"])
        zoned = await self._zones.reword(project, query)
        if zoned is not None:
            body, resource = replace_text(request, resource, ("configuration", "query"), zoned)
            configuration = as_object(resource.get("configuration"))
            query = as_object(configuration.get("query"))
        body = await reword_query(request, body, resource, ("configuration", "query"))
        if configuration.get("dryRun"):
            forwarded = self._upstream.forward(request, body)
            answer, verdict = await asyncio.gather(forwarded, self._judge.judge(project, query, dry_run=True))
            if answer.status_code != HTTPStatus.OK:
                return await self._explain(answer, project, query)
            return self._answer_dry_run(answer, verdict)
        job_id = as_object(resource.get("jobReference")).get("jobId")
        # One at a time: the emulator may run a job twice that is sent twice at once.
        async with self._turns.setdefault((project, job_id or str(uuid.uuid4())), asyncio.Lock()):
            return await self._insert_query(request, body, project, job_id, configuration)

    async def _insert_query(
        self,
        request: Request,
        body: bytes,
        project: str,
        job_id: str | None,
        configuration: Mapping[str, Any],
    ) -> Response:
        query = as_object(configuration.get("query"))
        known = self._ledger.job(project, job_id) if job_id else None
        if known and known[1]:
            raise GateError(HTTPStatus.CONFLICT, "duplicate", f"Already Exists: Job {project}:US.{job_id}")
        if known:
            return self._account(await self._upstream.forward(request, body), None)
        verdict = await self._judge.judge(project, query, dry_run=False)
        if verdict.refusal is not None:
            return JSONResponse(self._refuse(project, job_id or str(uuid.uuid4()), configuration, verdict))
        answer = await self._run(request, body, project, job_id, verdict)
        if answer.status_code == HTTPStatus.OK:
            self._timeouts.watch(answer.json(), configuration)
            if (failed := await self._explain_job(answer, project, query, verdict)) is not None:
                return failed
        return self._account(answer, verdict)

    async def _run(
        self, request: Request, body: bytes, project: str, job_id: str | None, verdict: Verdict
    ) -> httpx.Response:
        if job_id is None:
            return await self._upstream.forward(request, body)
        # Saved before it runs: somebody else may ask for this job as soon as the emulator has it.
        self._ledger.save_job(project, job_id, verdict.receipt)
        answer = await self._upstream.forward(request, body)
        # A conflict is about a job that the emulator has had before: that one keeps this receipt.
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            self._ledger.forget_job(project, job_id)
        return answer

    async def query(self, request: Request) -> Response:
        """jobs.query: run, wait, and answer the first page."""
        project = request.path_params["project"]
        body, query = await read_body(request)
        if not isinstance(query.get("query"), str):
            return copy_answer(await self._upstream.forward(request, body))
        await asyncio.to_thread(check_complexity, query["query"])
        zoned = await self._zones.reword(project, query)
        if zoned is not None:
            body, query = replace_text(request, query, (), zoned)
        dry_run = bool(query.get("dryRun"))
        verdict = await self._judge.judge(project, query, dry_run=dry_run)
        if verdict.refusal is not None:
            self._ledger.save_job(project, str(uuid.uuid4()), verdict.receipt)
            raise GateError(HTTPStatus.BAD_REQUEST, LIMIT_EXCEEDED, verdict.refusal)
        answer = await self._upstream.forward(request, await reword_query(request, body, query, ()))
        if answer.status_code != HTTPStatus.OK:
            return await self._explain(answer, project, query, dry_run=dry_run)
        result = answer.json()
        fill_results(result, verdict.receipt, dry_run=dry_run)
        if dry_run:
            self._dry_runs += 1
        else:
            self._remember(project, result["jobReference"]["jobId"], verdict)
            done = bool(result.get("jobComplete"))
            self._changes.note(
                project, result["jobReference"]["jobId"], query_targets(query, project), done=done
            )
        return copy_answer(answer, result)

    async def get(self, request: Request) -> Response:
        """jobs.get and jobs.cancel."""
        known = self._known(request)
        if known and known[1]:
            is_cancel = request.method == "POST"
            return JSONResponse(
                {"kind": "bigquery#jobCancelResponse", "job": known[1]} if is_cancel else known[1]
            )
        answer = await self._upstream.forward(request, await request.body())
        return self._account(answer, None)

    async def results(self, request: Request) -> Response:
        """jobs.getQueryResults."""
        known = self._known(request)
        if known is None:
            return await self._upstream.stream(request)
        receipt, refused = known
        if refused is not None:
            error = refused["status"]["errorResult"]
            raise GateError(HTTPStatus.BAD_REQUEST, error["reason"], error["message"])
        answer = await self._upstream.forward(request, b"")
        if answer.status_code != HTTPStatus.OK:
            return copy_answer(answer)
        result = answer.json()
        fill_results(result, receipt)
        return copy_answer(answer, result)

    async def list(self, request: Request) -> Response:
        """jobs.list."""
        answer = await self._upstream.forward(request, b"")
        if answer.status_code != HTTPStatus.OK:
            return copy_answer(answer)
        listing = answer.json()
        for job in listing.get("jobs") or ():
            self._fill(job)
        return copy_answer(answer, listing)

    async def upload(self, request: Request) -> Response:
        """A load job with its data in the request, in one piece or several."""
        return self._account(await self._upstream.forward(request, request.stream()), None)

    async def summary(self, _request: Request) -> Response:
        """GET /gate/jobs: counts by outcome, and bytes."""
        return JSONResponse({**self._ledger.summary(), "dry_runs": self._dry_runs})

    def _refuse(
        self, project: str, job_id: str, configuration: Mapping[str, Any], verdict: Verdict
    ) -> dict[str, Any]:
        job = refused_job(project, job_id, configuration, verdict.refusal or "")
        self._ledger.save_job(project, job_id, verdict.receipt, job)
        return job

    async def _explain(
        self, answer: httpx.Response, project: str, query: Mapping[str, Any], *, dry_run: bool = True
    ) -> Response:
        """The emulator's refusal, or what the analyser makes of it."""
        explain = self._explainer.explain if dry_run else self._explainer.explain_run
        told = await explain(project, query, read_error(answer))
        if told is not None:
            raise told
        return copy_answer(answer)

    async def _explain_job(
        self, answer: httpx.Response, project: str, query: Mapping[str, Any], verdict: Verdict
    ) -> Response | None:
        """The job that has failed at once, with what the analyser makes of it; None to leave it as it is."""
        job = answer.json()
        error = as_object(as_object(job.get("status")).get("errorResult"))
        told = await self._explainer.explain_run(project, query, error) if error else None
        if told is None:
            return None
        error |= {"reason": told.reason, "message": told.message}
        job["status"]["errors"] = [error]
        self._note(job, verdict)
        job_id = job["jobReference"]["jobId"]
        known = self._ledger.job(project, job_id)
        self._ledger.save_job(project, job_id, known[0] if known else verdict.receipt, job)
        return JSONResponse(job)

    def _answer_dry_run(self, answer: httpx.Response, verdict: Verdict) -> Response:
        self._dry_runs += 1
        job = answer.json()
        check_names(list_fields(job))
        fill_dry_run(job, verdict.receipt)
        return copy_answer(answer, job)

    def _account(self, answer: httpx.Response, verdict: Verdict | None) -> Response:
        """Pass on a Job resource with its account, after noting what it says."""
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        if answer.status_code != HTTPStatus.OK or not is_json:
            return copy_answer(answer)
        body = answer.json()
        job = body.get("job") or body
        if "jobReference" in job:
            self._note(job, verdict)
        return copy_answer(answer, body)

    def _note(self, job: dict[str, Any], verdict: Verdict | None) -> None:
        if verdict is not None:
            self._remember(job["jobReference"]["projectId"], job["jobReference"]["jobId"], verdict)
        self._changes.note_job(job)
        self._fill(job)

    def _remember(self, project: str, job_id: str, verdict: Verdict) -> None:
        if self._ledger.job(project, job_id) is None:
            self._ledger.save_job(project, job_id, verdict.receipt)
        if verdict.cache_key is not None:
            self._ledger.save_result(verdict.cache_key, project, job_id)

    def _fill(self, job: dict[str, Any]) -> None:
        reference = job["jobReference"]
        known = self._ledger.job(reference["projectId"], reference.get("jobId", ""))
        if known is not None:
            fill_job(job, known[0])
            self._settle(reference, job, known[0])

    def _settle(self, reference: Mapping[str, str], job: Mapping[str, Any], receipt: Receipt) -> None:
        """A job that failed is not charged, and its receipt says so from now on."""
        billed = billed_bytes(job, receipt)
        if billed != receipt.billed:
            free = Receipt(receipt.outcome, receipt.processed, billed, receipt.accuracy, receipt.referenced)
            self._ledger.save_job(reference["projectId"], reference["jobId"], free)

    def _known(self, request: Request) -> tuple[Receipt, dict[str, Any] | None] | None:
        return self._ledger.job(request.path_params["project"], request.path_params["job"])
