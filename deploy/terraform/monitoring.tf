locals {
  alerts   = { for name in fileset("${path.module}/../monitoring/alerts", "*.json") : trimsuffix(name, ".json") => jsondecode(file("${path.module}/../monitoring/alerts/${name}")) }
  channels = google_monitoring_notification_channel.email[*].id
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "Almanac"
  type         = "email"
  labels       = { email_address = var.alert_email }
}

resource "google_monitoring_dashboard" "almanac" {
  dashboard_json = file("${path.module}/../monitoring/dashboard.json")
}

# What the service writes to its log and Google has no metric for.
resource "google_logging_metric" "almanac" {
  for_each = { for one in jsondecode(file("${path.module}/../monitoring/log-metrics.json")) : one.name => one }

  name        = each.key
  description = each.value.description
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_monitoring_alert_policy" "almanac" {
  for_each = local.alerts

  display_name          = each.value.displayName
  combiner              = each.value.combiner
  notification_channels = local.channels
  depends_on            = [google_logging_metric.almanac]

  documentation {
    content   = each.value.documentation.content
    mime_type = "text/markdown"
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      condition_threshold {
        filter          = conditions.value.conditionThreshold.filter
        comparison      = conditions.value.conditionThreshold.comparison
        threshold_value = conditions.value.conditionThreshold.thresholdValue
        duration        = conditions.value.conditionThreshold.duration

        aggregations {
          alignment_period     = conditions.value.conditionThreshold.aggregations[0].alignmentPeriod
          per_series_aligner   = conditions.value.conditionThreshold.aggregations[0].perSeriesAligner
          cross_series_reducer = conditions.value.conditionThreshold.aggregations[0].crossSeriesReducer
          group_by_fields      = try(conditions.value.conditionThreshold.aggregations[0].groupByFields, [])
        }
      }
    }
  }
}

resource "google_monitoring_uptime_check_config" "viewer" {
  display_name = "almanac ${var.stage}"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = "/openapi.json"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = local.stage.project, host = local.stage.domain }
  }
}
