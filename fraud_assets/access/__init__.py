"""Who may reach the web pages: accounts with roles, and requests of the pages' own origin."""
