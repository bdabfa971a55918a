resource "google_compute_global_address" "almanac" {
  name       = "almanac"
  depends_on = [google_project_service.used]
}

resource "google_compute_managed_ssl_certificate" "almanac" {
  name       = "almanac"
  depends_on = [google_project_service.used]

  managed {
    domains = [local.stage.domain]
  }
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.services

  name                  = "almanac-${each.value}"
  region                = local.stage.region
  network_endpoint_type = "SERVERLESS"
  depends_on            = [google_project_service.used]

  cloud_run {
    service = each.value
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.services

  name                  = "almanac-${each.value}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 1.0
  }
}

# Until the first release everything goes to the viewer; then deploy/google/<stage>/url-map.yaml rules.
resource "google_compute_url_map" "almanac" {
  name            = "almanac"
  default_service = google_compute_backend_service.function["viewer"].id

  lifecycle {
    ignore_changes = [host_rule, path_matcher, test]
  }
}

# Without one Google takes TLS 1.0 and ciphers that browsers have given up.
resource "google_compute_ssl_policy" "almanac" {
  name            = "almanac"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  depends_on      = [google_project_service.used]
}

resource "google_compute_target_https_proxy" "almanac" {
  name             = "almanac"
  url_map          = google_compute_url_map.almanac.id
  ssl_policy       = google_compute_ssl_policy.almanac.id
  ssl_certificates = [google_compute_managed_ssl_certificate.almanac.id]
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "almanac-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  target                = google_compute_target_https_proxy.almanac.id
  ip_address            = google_compute_global_address.almanac.address
  port_range            = "443"
}

resource "google_compute_url_map" "redirect" {
  name       = "almanac-redirect"
  depends_on = [google_project_service.used]

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "almanac-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "almanac-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  target                = google_compute_target_http_proxy.redirect.id
  ip_address            = google_compute_global_address.almanac.address
  port_range            = "80"
}
