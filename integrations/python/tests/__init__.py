"""The package's tests; `README.md` says what they need."""
