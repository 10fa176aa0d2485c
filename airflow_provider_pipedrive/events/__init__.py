"""Has something happened? Changes, waits, and what webhooks bring."""
