"""Records that mean the same person, company or business: found, and kept in a file for a person to decide about."""
