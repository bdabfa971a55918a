# The functions reach the cache through it; PostgreSQL is reached by Cloud SQL's own socket.
resource "google_compute_network" "almanac" {
  name                    = "almanac"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.used]
}

# Every instance takes an address here while it lives, and some time after: a /24 would soon be full.
resource "google_compute_subnetwork" "almanac" {
  name                     = "almanac"
  network                  = google_compute_network.almanac.id
  region                   = local.stage.region
  ip_cidr_range            = "10.8.0.0/22"
  private_ip_google_access = true
}
