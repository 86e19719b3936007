"""The soak test (``make soak``): viewers of all kinds come and go for an hour, and what stays."""
