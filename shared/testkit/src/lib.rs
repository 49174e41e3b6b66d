//! Builders, model AWS and the undo harness. Dev-dependency only.
