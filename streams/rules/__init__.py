"""Five-tuple rules: what a firewall lets flow between two addresses, exactly."""
