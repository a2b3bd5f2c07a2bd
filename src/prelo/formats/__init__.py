"""The writers. Usable alone: they know columns, layouts and bytes, and nothing of jobs."""
