"""What the functional tests share: real programs, real Podman, and ways to look at them."""
