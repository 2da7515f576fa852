"""A project that keeps deleted users and tenants in their tables, hidden by managers."""
