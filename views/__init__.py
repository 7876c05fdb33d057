"""Pages and HTTP API: thin handlers over `server.operations`."""
