"""The drop folder, the ledger of its files, and the plan of which run to request next."""
