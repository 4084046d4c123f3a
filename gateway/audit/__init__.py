"""What can be shown afterwards: why an event went or did not go, and that the books balance."""
