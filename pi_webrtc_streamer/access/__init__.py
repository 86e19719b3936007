"""Who may come in: tokens and roles, addresses, hosts and origins. Pure but for the files."""
