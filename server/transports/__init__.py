"""How live messages travel: one module a transport."""
