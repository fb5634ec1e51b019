"""Where tables, reports and logs are kept, and how they are written."""
