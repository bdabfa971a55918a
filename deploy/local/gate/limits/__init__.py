"""Where the emulator refuses what BigQuery takes, the gate says so; Google's analyser knows."""
