resource "google_redis_instance" "almanac" {
  name                    = "almanac"
  region                  = local.stage.region
  tier                    = local.stage.cache.tier
  memory_size_gb          = local.stage.cache.memory_gib
  redis_version           = "REDIS_7_0"
  authorized_network      = google_compute_network.almanac.id
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"

  # Everything in it can be read from the bucket again.
  redis_configs = {
    maxmemory-policy = "allkeys-lru"
  }
}

# The instance has a certificate authority of its own, which is what the functions trust. Whether the certificate also names
# the address they connect to is not promised, and nobody else has one from that authority: the name is not compared.
resource "google_secret_manager_secret_version" "cache_url" {
  secret = google_secret_manager_secret.almanac["cache-url"].id

  secret_data = format(
    "rediss://:%s@%s:%d/0?ssl_ca_certs=/etc/almanac/redis/ca.pem&ssl_check_hostname=false",
    google_redis_instance.almanac.auth_string,
    google_redis_instance.almanac.host,
    google_redis_instance.almanac.port,
  )
}

resource "google_secret_manager_secret_version" "redis_ca" {
  secret      = google_secret_manager_secret.almanac["redis-ca"].id
  secret_data = join("\n", google_redis_instance.almanac.server_ca_certs[*].cert)
}
