"""The whole delivery under faults: real workers, beats, PostgreSQL, Valkey and mail server."""
