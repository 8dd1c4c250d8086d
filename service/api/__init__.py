"""HTTP: negotiate, call one operation, answer. No arithmetic here."""
