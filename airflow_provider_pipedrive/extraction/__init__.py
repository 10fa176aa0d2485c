"""Everything out of Pipedrive: whole lists and what changed, in readable columns, into files."""
