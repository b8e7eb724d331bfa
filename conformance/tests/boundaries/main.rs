//! Judge and maker share no code, and the judge does nothing but judge: held by what depends on what.

#[cfg(test)]
mod cases;
