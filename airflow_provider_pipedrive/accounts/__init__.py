"""Connecting an account: OAuth, the stored connections, and what is known of their authorizations."""
