"""What the tests of nodes and of the page use: real nodes, real processes, real viewers."""
