//! Judge and maker share no code, the judge does nothing but judge, and modules import each other one way only.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod modules;
