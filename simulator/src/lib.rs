//! Venues on 127.0.0.1 that speak the venues' own bytes.
