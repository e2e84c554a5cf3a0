//! A kernel in memory in which the real code of the init's loop runs: every race comes from a list of choices.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`choices`] | where chance comes from: a seed, a list, an enumeration |
//! | [`signals`], [`kernel`] | the model: processes and signals as Linux has them |
//! | [`scenario`] | what a world begins with |
//! | [`event`] | what may happen between two calls of the init |
//! | [`world`] | all of it together: what is possible, what the calls of the init do, what must hold |
//! | [`facts`], [`failure`] | what the init has seen and owes; what it means to break a property |
//! | [`adapter`] | the calls of the init |
//! | [`init`] | the init's loop as what runs in a world |
//! | [`script`], [`toy`] | worlds without races, which real processes act out |
//! | [`explore`] | worlds by the million, and making a failing one small |

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod adapter;
pub mod choices;
pub mod event;
pub mod explore;
pub mod facts;
pub mod failure;
pub mod init;
pub mod kernel;
pub mod scenario;
pub mod script;
pub mod signals;
#[allow(unsafe_code)]
pub mod toy;
pub mod world;
