//! What the ledger knows, through either store.
