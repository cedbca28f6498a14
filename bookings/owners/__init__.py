"""The owners' pages: the home of the admin, and the jobs that are more than one table."""
