"""The benchmark (``make bench``): real nodes, real viewers, and rivals in the same run."""
