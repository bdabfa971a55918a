"""Spans by OTLP, with OpenTelemetry's SDK."""

# After a fork the provider runs a thread pool in the child, which hangs unless the pool's module was imported
# before the provider was made: only then its lock is released first.
import concurrent.futures.thread  # noqa: F401

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shared.settings import Settings
from shared.telemetry.tail_processor import TailProcessor, TailSampler

_TRACES_PATH = "/v1/traces"
_DELAY_MILLISECONDS = 1000
_TIMEOUT_SECONDS = 3


def build_otlp_provider(settings: Settings, function_name: str) -> TracerProvider:
    """A provider that sends batches to OTEL_EXPORTER_OTLP_ENDPOINT, or where OpenTelemetry's own variables say."""
    # Resource.create() would look for detectors in all installed packages first.
    resource = Resource(
        {
            "service.name": function_name,
            "service.version": settings.service_version,
            "deployment.environment.name": settings.environment.value,
        }
    )
    provider = TracerProvider(sampler=TailSampler(), resource=resource)
    base = settings.otel_exporter_otlp_endpoint
    endpoint = base.rstrip("/").removesuffix(_TRACES_PATH) + _TRACES_PATH if base else None
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_SECONDS)
    batches = BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MILLISECONDS)
    provider.add_span_processor(TailProcessor(batches, settings.trace_slow_seconds))
    return provider
