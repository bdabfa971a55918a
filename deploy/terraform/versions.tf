# What lives longer than a release: project services, network, database, cache, bucket, images, accounts and their
# rights, secrets, load balancer, triggers, monitoring. The functions themselves are deploy.stages' business.
#
#   deploy/terraform/run.sh staging apply
terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.0"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.12"
    }
  }

  # The state holds the cache's password; only who may deploy may read that bucket.
  backend "gcs" {
    prefix = "almanac"
  }
}

provider "google" {
  project = local.stage.project
  region  = local.stage.region
}
