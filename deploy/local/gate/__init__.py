"""The metering gate: BigQuery's accounting of bytes, added to an emulator that has none."""
