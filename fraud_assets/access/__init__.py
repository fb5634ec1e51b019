"""Access to the web pages: accounts with roles, and protection from other sites."""
