"""Traces and logs: OpenTelemetry spans, W3C trace context, JSON lines for Cloud Logging."""
