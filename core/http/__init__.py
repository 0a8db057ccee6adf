"""HTTP as all apps speak it."""
