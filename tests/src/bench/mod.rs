//! Measures jobd and its peers. Only ratios within one run mean something: everything that is
//! compared takes turns in the same round, on the same files and with the same job.
//!
//! | file | role |
//! |---|---|
//! | `options` | the command line, and how much of everything is done |
//! | `place` | a folder with the jobs' programs, their files and what the jobs wrote |
//! | `daemon` | a jobd in a home of its own, and its clients |
//! | `contestant`, `peers` | who takes part: jobd and other runners, each in a folder of its own |
//! | `rounds` | jobs a second, and bytes written: bare, through xargs, through each contestant |
//! | `latency` | one command at a time on an idle service |
//! | `depth` | the same with more and more jobs: the plots |
//! | `growth` | what a long history changes |
//! | `crowd` | very many jobs that wait, and that run |
//! | `idle` | wake-ups and memory of those who have nothing to do |
//! | `log` | much output against `> file` |
//! | `grace` | from the end of the grace to an empty tree |
//! | `kill` | what lives on when a job was stopped |
//! | `pipe` | how both see the end of the last process |
//! | `processes` | what the kernel says of processes |
//! | `numbers`, `report`, `plot` | percentiles; tables, targets and JSON; SVG |
//! | `progress`, `interrupt` | what is being done; Ctrl-C |

mod contestant;
mod crowd;
mod daemon;
mod depth;
mod grace;
mod growth;
mod idle;
mod interrupt;
mod kill;
mod latency;
mod log;
mod numbers;
mod options;
mod peers;
mod pipe;
mod place;
mod plot;
mod processes;
mod progress;
mod report;
mod rounds;
mod run;

pub use run::run;

/// What may go wrong: there is nobody to tell the cases apart but the reader.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
