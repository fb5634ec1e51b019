"""CSV files land, are held against the contract, and become typed Parquet."""
