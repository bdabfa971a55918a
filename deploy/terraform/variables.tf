variable "stage" {
  description = "Which file of deploy/stages: staging or prod."
  type        = string

  validation {
    condition     = contains(["staging", "prod"], var.stage)
    error_message = "Accepted are staging and prod."
  }
}

variable "alert_email" {
  description = "Who is told when something is wrong; empty tells nobody."
  type        = string
  default     = ""
}

variable "repository" {
  description = "The Cloud Build repository that triggers releases (projects/…/repositories/…); empty makes no trigger."
  type        = string
  default     = ""
}

locals {
  stage    = yamldecode(file("${path.module}/../stages/${var.stage}.yaml"))
  manifest = yamldecode(file("${path.module}/../functions.yaml"))
  iam      = yamldecode(file("${path.module}/../google/${var.stage}/iam.yaml"))

  # Cloud Run service name by function.
  services = { for entry in local.manifest.functions : entry.name => replace(entry.name, "_", "-") }

  accounts = merge(
    { for name, service in local.services : "fn-${service}" => "The function ${name}" },
    {
      migrate   = "Database migrations"
      scheduler = "Calls what deploy/functions.yaml schedules"
      deployer  = "Cloud Build, releasing"
    },
  )
}

# Another stage in this state would replace everything: kept from it even where run.sh was not used.
resource "terraform_data" "stage" {
  triggers_replace = var.stage

  lifecycle {
    prevent_destroy = true
  }
}
