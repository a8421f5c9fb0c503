"""Takes a task, runs it in a child process, uploads what it makes, reports."""
