"""Pictures and sound in, compressed segments out. Knows no Redis, no S3, no job."""
