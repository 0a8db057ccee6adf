"""What records of all apps share: the chain of hashes over their parts."""
