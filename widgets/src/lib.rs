//! Ratatui panels over the Board.
