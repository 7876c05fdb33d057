"""Jobs: work with a state, a progress and an owner, run as asyncio tasks and worker processes."""
