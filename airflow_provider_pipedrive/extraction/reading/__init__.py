"""Reading lists: whole, by windows of time, from several places at once, and what is no longer in them."""
