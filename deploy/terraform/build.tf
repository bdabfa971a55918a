# Staging is released by every push to main; prod by a tag v*, after somebody approved it.
resource "google_cloudbuild_trigger" "release" {
  count = var.repository == "" ? 0 : 1

  name            = "release-${var.stage}"
  location        = local.stage.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.almanac["deployer"].id
  depends_on      = [google_project_service.used]

  repository_event_config {
    repository = var.repository

    push {
      branch = var.stage == "prod" ? null : "^main$"
      tag    = var.stage == "prod" ? "^v[0-9]+\\.[0-9]+\\.[0-9]+$" : null
    }
  }

  approval_config {
    approval_required = var.stage == "prod"
  }

  substitutions = {
    _STAGE  = var.stage
    _REGION = local.stage.region
  }
}
