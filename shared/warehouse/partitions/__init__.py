"""Whether queries filter on what tables are partitioned by."""
