"""Records as v2, v1, lists, searches and webhooks show them."""
