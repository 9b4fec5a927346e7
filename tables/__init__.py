"""Data at rest: RocksDB-backed tables, seen by the pure code as mappings of records."""
