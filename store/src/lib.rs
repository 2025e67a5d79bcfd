//! Journal, tables and Parquet: the only crate that knows polars.
