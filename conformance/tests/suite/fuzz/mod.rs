//! Generated builds as users run them, on registry and layout that need no service.

mod cases;
mod pairs;
