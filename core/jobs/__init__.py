"""Work that survives its worker: leases with fences, jobs in slices, the reaper."""
