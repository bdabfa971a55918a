# The objectives of docs/operations.md that Google can measure, each with an alert on how fast its budget of errors burns:
# a page when a twentieth of a month's is gone in six hours, sooner when it goes faster.
# https://sre.google/workbook/alerting-on-slos/
locals {
  data_requests = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"data\" metric.type=\"run.googleapis.com/request_count\""
  data_latency  = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"data\" metric.type=\"run.googleapis.com/request_latencies\""

  objectives = {
    availability = google_monitoring_slo.availability.name
    latency      = google_monitoring_slo.latency.name
  }
  # Both windows have to burn: the long one shows that it matters, the short one that it goes on.
  burns = {
    fast = { rate = 14.4, long = "3600s", short = "300s" }
    slow = { rate = 6, long = "21600s", short = "1800s" }
  }
}

resource "google_monitoring_custom_service" "data" {
  service_id   = "almanac-data"
  display_name = "Almanac: /data"
  depends_on   = [google_project_service.used]
}

resource "google_monitoring_slo" "availability" {
  service             = google_monitoring_custom_service.data.service_id
  slo_id              = "availability"
  display_name        = "99.9 % of the answers of /data are no 5xx"
  goal                = 0.999
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = local.data_requests
      bad_service_filter   = "${local.data_requests} metric.labels.response_code_class=\"5xx\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  service             = google_monitoring_custom_service.data.service_id
  slo_id              = "latency"
  display_name        = "95 % of the answers of /data take less than 500 ms"
  goal                = 0.95
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = local.data_latency

      range {
        max = 500
      }
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = { for pair in setproduct(keys(local.objectives), keys(local.burns)) : join("-", pair) => { objective = pair[0], burn = local.burns[pair[1]] } }

  display_name          = "The budget of errors burns: ${each.key}"
  combiner              = "AND"
  notification_channels = local.channels

  documentation {
    content   = "At this rate the month's budget of the objective is used up early. What to do: docs/operations.md#objectives"
    mime_type = "text/markdown"
  }

  dynamic "conditions" {
    for_each = [each.value.burn.long, each.value.burn.short]

    content {
      display_name = "${each.value.burn.rate} times too fast over ${conditions.value}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.objectives[each.value.objective]}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.burn.rate
        duration        = "0s"
      }
    }
  }
}
