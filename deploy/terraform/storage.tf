resource "google_storage_bucket" "almanac" {
  name                        = "${local.stage.project}-almanac"
  location                    = local.stage.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  depends_on                  = [google_project_service.used]

  # Dashboards are never deleted by the service; this is against people.
  versioning {
    enabled = true
  }

  # Google's default, written down: what is deleted for good can be restored, and is billed, for so many days more.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  lifecycle {
    prevent_destroy = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      matches_prefix             = ["payloads/"]
      days_since_noncurrent_time = 7
    }
  }
}

resource "google_artifact_registry_repository" "almanac" {
  repository_id = "almanac"
  location      = local.stage.region
  format        = "DOCKER"
  depends_on    = [google_project_service.used]

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }
}
