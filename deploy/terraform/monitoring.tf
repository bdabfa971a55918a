locals {
  alerts   = { for name in fileset("${path.module}/../monitoring/alerts", "*.json") : trimsuffix(name, ".json") => jsondecode(file("${path.module}/../monitoring/alerts/${name}")) }
  channels = google_monitoring_notification_channel.email[*].id

  # What an alert's file cannot know: four fifths of what this stage's server takes.
  thresholds = { connections = floor(0.8 * local.stage.database.max_connections) }
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "Almanac"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.used]
}

resource "google_monitoring_dashboard" "almanac" {
  dashboard_json = file("${path.module}/../monitoring/dashboard.json")
  depends_on     = [google_project_service.used]
}

# What the service writes to its log and Google has no metric for.
resource "google_logging_metric" "almanac" {
  for_each = { for one in jsondecode(file("${path.module}/../monitoring/log-metrics.json")) : one.name => one }

  name        = each.key
  description = each.value.description
  filter      = each.value.filter
  depends_on  = [google_project_service.used]

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# Monitoring refuses a policy on a metric it has not heard of yet, which takes up to a minute after it was made.
resource "time_sleep" "metrics_known" {
  create_duration = "60s"
  triggers        = { for name, metric in google_logging_metric.almanac : name => metric.id }
}

resource "google_monitoring_alert_policy" "almanac" {
  for_each = local.alerts

  display_name          = each.value.displayName
  combiner              = each.value.combiner
  notification_channels = local.channels
  depends_on            = [time_sleep.metrics_known]

  documentation {
    content   = each.value.documentation.content
    mime_type = "text/markdown"
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      dynamic "condition_threshold" {
        for_each = try([conditions.value.conditionThreshold], [])

        content {
          filter          = condition_threshold.value.filter
          comparison      = condition_threshold.value.comparison
          threshold_value = lookup(local.thresholds, each.key, condition_threshold.value.thresholdValue)
          duration        = condition_threshold.value.duration

          aggregations {
            alignment_period     = condition_threshold.value.aggregations[0].alignmentPeriod
            per_series_aligner   = condition_threshold.value.aggregations[0].perSeriesAligner
            cross_series_reducer = condition_threshold.value.aggregations[0].crossSeriesReducer
            group_by_fields      = try(condition_threshold.value.aggregations[0].groupByFields, [])
          }
        }
      }

      dynamic "condition_absent" {
        for_each = try([conditions.value.conditionAbsent], [])

        content {
          filter   = condition_absent.value.filter
          duration = condition_absent.value.duration

          aggregations {
            alignment_period     = condition_absent.value.aggregations[0].alignmentPeriod
            per_series_aligner   = condition_absent.value.aggregations[0].perSeriesAligner
            cross_series_reducer = condition_absent.value.aggregations[0].crossSeriesReducer
          }
        }
      }
    }
  }
}

resource "google_monitoring_uptime_check_config" "viewer" {
  display_name = "almanac ${var.stage}"
  depends_on   = [google_project_service.used]
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
