"""gRPC on a port of its own: what operations offer as `jindu.v1`, and the live messages as a stream.

A door that can be taken out: without the setting `grpc_port` nothing of it is imported, and nothing else names it but
the one place in `server/app/transports.py`.
"""
