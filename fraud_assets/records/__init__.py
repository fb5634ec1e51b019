"""What one asset hands to another, as typed records: versioned, and unknown keys are refused."""
