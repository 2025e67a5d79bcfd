//! Tests of the baselines.
