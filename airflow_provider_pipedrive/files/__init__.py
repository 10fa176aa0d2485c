"""Listing, downloading and naming files."""
