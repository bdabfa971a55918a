# The database-urls and oidc-client-secret get their values by hand (docs/deploy.md): they are in no file and no state.
# database-url is of the functions that write, -reader of those that read, -migrate of who makes both and owns the tables.
resource "google_secret_manager_secret" "almanac" {
  for_each = toset(["database-url", "database-url-reader", "database-url-migrate", "cache-url", "oidc-client-secret", "redis-ca"])

  secret_id  = each.key
  depends_on = [google_project_service.used]

  replication {
    auto {}
  }

  # Two of the values are nowhere else.
  lifecycle {
    prevent_destroy = true
  }
}
