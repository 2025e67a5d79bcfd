//! Models of market states.
