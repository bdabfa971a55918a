# One account per function, with the least it needs; deploy/google/<stage>/iam.yaml says what that is.
resource "google_service_account" "almanac" {
  for_each = local.accounts

  account_id   = each.key
  display_name = each.value
}

resource "google_project_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.role}" => one if one.on == "project" }

  project    = local.stage.project
  role       = each.value.role
  member     = "serviceAccount:${each.value.member}"
  depends_on = [google_service_account.almanac]
}

resource "google_storage_bucket_iam_member" "almanac" {
  for_each = { for one in local.iam.bindings : "${one.member} ${one.role}" => one if one.on == "bucket" }

  bucket     = google_storage_bucket.almanac.name
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
    "roles/cloudscheduler.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/logging.logWriter",
    "roles/run.admin",
    "roles/storage.objectViewer",
  ])

  project = local.stage.project
  role    = each.key
  member  = google_service_account.almanac["deployer"].member
}

resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = { for name, title in local.accounts : name => title if name != "deployer" }

  service_account_id = google_service_account.almanac[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.almanac["deployer"].member
}
