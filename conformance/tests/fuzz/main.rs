//! Generated builds as users run them, on registry and layout that need no service.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod pairs;
