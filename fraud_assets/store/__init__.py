"""Storage of tables, reports and logs."""
