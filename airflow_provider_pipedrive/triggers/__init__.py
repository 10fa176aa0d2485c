"""Triggers: the halves of the sensors that wait without a worker."""
