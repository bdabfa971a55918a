# One account per function, with the least it needs; deploy/google/<stage>/iam.yaml says what that is.
resource "google_service_account" "almanac" {
  for_each = local.accounts

  account_id   = each.key
  display_name = each.value
  depends_on   = [google_project_service.used]
}

# What a process that died left running is settled by the next function that spends, whose account is another one; and a
# database that does not know what was spent lists the jobs of all of them before it admits one.
resource "google_project_iam_custom_role" "job_settler" {
  role_id     = "almanacJobSettler"
  title       = "Almanac: settle jobs of other functions"
  permissions = ["bigquery.jobs.get", "bigquery.jobs.listAll", "bigquery.jobs.update"]
  depends_on  = [google_project_service.used]
}

resource "google_project_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.role}" => one if one.on == "project" }

  project    = local.stage.project
  role       = each.value.role
  member     = "serviceAccount:${each.value.member}"
  depends_on = [google_service_account.almanac, google_project_iam_custom_role.job_settler]
}

resource "google_storage_bucket_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.role}" => one if one.on == "bucket" }

  bucket     = google_storage_bucket.almanac.name
  role       = each.value.role
  member     = "serviceAccount:${each.value.member}"
  depends_on = [google_service_account.almanac]
}

# Each dataset of ALLOWED_DATASETS has to be there before; what other projects own, they share themselves.
resource "google_bigquery_dataset_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.role} ${one.dataset}" => one if one.on == "dataset" }

  dataset_id = each.value.dataset
  role       = each.value.role
  member     = "serviceAccount:${each.value.member}"
  depends_on = [google_service_account.almanac]
}

resource "google_secret_manager_secret_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.secret}" => one if one.on == "secret" }

  secret_id  = google_secret_manager_secret.almanac[each.value.secret].id
  role       = each.value.role
  member     = "serviceAccount:${each.value.member}"
  depends_on = [google_service_account.almanac]
}

# Whoever releases may deploy and route, and may act as the accounts below; it may give nobody any right.
resource "google_project_iam_member" "deployer" {
  for_each = toset([
    "roles/artifactregistry.writer",
    "roles/cloudbuild.builds.viewer",
    "roles/cloudscheduler.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/containeranalysis.occurrences.viewer",
    "roles/logging.logWriter",
    "roles/run.admin",
  ])

  project = local.stage.project
  role    = each.key
  member  = google_service_account.almanac["deployer"].member
}

# What `gcloud builds submit` uploads; the payloads of the dashboards are none of the deployer's business.
resource "google_storage_bucket" "source" {
  name                        = "${local.stage.project}-source"
  location                    = local.stage.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  depends_on                  = [google_project_service.used]

  # All of it is in Git: what is deleted is gone, and costs nothing more.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 7
    }
  }
}

resource "google_storage_bucket_iam_member" "deployer_reads_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.almanac["deployer"].member
}

# The smoke test after a release calls every function as the scheduler.
resource "google_service_account_iam_member" "deployer_signs_as_scheduler" {
  service_account_id = google_service_account.almanac["scheduler"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.almanac["deployer"].member
}

resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = { for name, title in local.accounts : name => title if name != "deployer" }

  service_account_id = google_service_account.almanac[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.almanac["deployer"].member
}
