"""What HTTP needs: requests and answers, refusals, routes, limits, OAuth. Knows no records."""
