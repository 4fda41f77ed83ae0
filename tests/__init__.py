"""What users rely on, held by tests."""
