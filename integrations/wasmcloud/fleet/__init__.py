"""Programs, hosts and calls → the component on several wasmCloud hosts."""
