"""What pages and API share over HTTP: keys, sessions, guards, problems, endpoints."""
