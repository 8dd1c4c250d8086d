"""The engine beside its peers: the same arrays, the same answers, in one process."""
