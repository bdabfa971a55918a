output "address" {
  description = "Point the domain's A record here; the certificate follows within the hour."
  value       = google_compute_global_address.almanac.address
}

output "database_connection" {
  description = "For the database-url secret: /cloudsql/<this>/.s.PGSQL.5432"
  value       = google_sql_database_instance.almanac.connection_name
}

output "image_repository" {
  description = "IMAGE_REPOSITORY of deploy/ci/image.sh."
  value       = "${local.stage.region}-docker.pkg.dev/${local.stage.project}/${google_artifact_registry_repository.almanac.repository_id}/almanac"
}
