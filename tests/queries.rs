//! Conditions over real tables → the documents they find, how they were found,
//! and how they are printed.

mod access;
mod conditions;
mod printing;
