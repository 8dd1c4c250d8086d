"""The use cases, a file each: a validated request in, the engine called, a result out. Nothing here knows HTTP."""
