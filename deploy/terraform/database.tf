resource "google_sql_database_instance" "almanac" {
  name                = "almanac"
  database_version    = "POSTGRES_16"
  region              = local.stage.region
  deletion_protection = true
  depends_on          = [google_project_service.used]

  settings {
    tier              = local.stage.database.tier
    edition           = "ENTERPRISE"
    availability_type = local.stage.database.high_availability ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_autoresize   = true

    # Only connectors with IAM rights get in; no network is authorised.
    connector_enforcement = "REQUIRED"

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "02:00"
    }

    database_flags {
      name  = "max_connections"
      value = tostring(local.stage.database.max_connections)
    }

    insights_config {
      query_insights_enabled = true
    }
  }
}

resource "google_sql_database" "almanac" {
  name     = "almanac"
  instance = google_sql_database_instance.almanac.name
}
