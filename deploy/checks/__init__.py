"""Checks of what is deployed, without the cloud: Terraform files and the arguments of Google's SDK."""
