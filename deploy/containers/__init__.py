"""Support for docker-compose.yml: development secrets, and the test that it works."""
