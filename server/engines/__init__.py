"""What stands behind the protocols of the layers below; each is named by `server.app` alone."""
