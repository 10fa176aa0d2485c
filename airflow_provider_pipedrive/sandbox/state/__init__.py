"""The company's records and what Pipedrive does to them. Knows no HTTP."""
