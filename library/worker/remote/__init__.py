"""Asking servers elsewhere: one client with retries and breakers, two protocols."""
