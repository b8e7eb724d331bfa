//! The embedded registry behaves as a registry program does: the same requests, the same answers.

#[cfg(test)]
mod cases;
