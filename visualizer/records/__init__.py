"""The record of a session as a file: schema, checks, export, import and copies."""
