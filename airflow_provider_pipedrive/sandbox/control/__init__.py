"""The world of one sandbox, and what a test does to it from outside."""
