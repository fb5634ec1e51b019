"""How runs are launched, watched, kept and cleaned up; secrets and masking."""
