"""A person who asks what a company knows of them, or to be forgotten: found, exported, erased."""
