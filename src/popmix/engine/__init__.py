"""The numerical engine, written for one subject: events, closed forms, densities. It knows arrays, not names."""
