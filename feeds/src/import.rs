//! Users' own files.

pub(crate) mod dates;
pub(crate) mod numbers;
