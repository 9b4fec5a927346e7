"""What people ask a running system, by page or by command: who is asked, and what answers mean."""
