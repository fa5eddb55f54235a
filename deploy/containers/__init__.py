"""What docker-compose.yml needs around it: its secrets in development, and the proof that it works."""
