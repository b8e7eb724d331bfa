//! What is judged and how: plain facts in, verdicts out. No I/O, no async, no clock.
