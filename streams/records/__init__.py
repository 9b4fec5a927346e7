"""What travels on the topics: one frozen record per noun, camelCase on the wire."""
