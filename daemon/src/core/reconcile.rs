//! The restart truth table: what a step's folder means to a daemon that did not see what
//! happened. Pure: `exec` gathers the facts, this says what they mean.

use proto::record::Exit;

use super::event::StepEnd;

/// What is found in a step's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Somebody holds the lock on the spec: the shim lives.
    pub lock_held: bool,
    /// Whether there is an order, and of which boot: records are written behind it.
    pub spec: SpecFact,
    /// Whether there is a record that the command may have run, and of which boot.
    pub started: StartedFact,
    /// The record of the end.
    pub exit: ExitFact,
}

/// What the order of a step says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecFact {
    /// There is none, or not all of it.
    Missing,
    /// It is of this boot of the machine: what was written behind it is there.
    ThisBoot,
    /// It is of an earlier boot: what was written behind it may not have come to the disk.
    EarlierBoot,
}

/// What the record of the start says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedFact {
    /// There is none.
    Absent,
    /// It is of this boot of the machine.
    ThisBoot,
    /// It is of an earlier boot.
    EarlierBoot,
    /// It cannot be read.
    Unreadable,
}

/// What the record of the end says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitFact {
    /// There is none.
    Absent,
    /// It is whole.
    Whole(Box<Exit>),
    /// It cannot be read.
    Unreadable,
}

/// What the facts mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The shim lives and its pid is known: watch it.
    Adopt,
    /// The shim lives and has not said yet who it is: look again.
    LookAgain,
    /// The step has ended.
    Ended(StepEnd),
    /// The step has ended unseen; processes of it may be left and must be killed first.
    KillLeftovers(StepEnd),
}

/// The verdict on a step that was under way.
#[must_use]
pub fn reconcile(facts: Facts) -> Verdict {
    let Facts {
        lock_held,
        spec,
        started,
        exit,
    } = facts;
    match (exit, lock_held, started) {
        (ExitFact::Whole(exit), _, _) => Verdict::Ended(StepEnd::Exit(*exit)),
        (_, true, StartedFact::ThisBoot) => Verdict::Adopt,
        (_, true, _) => Verdict::LookAgain,
        (ExitFact::Unreadable, false, _) => {
            Verdict::KillLeftovers(lost("the record of its end cannot be read"))
        }
        (ExitFact::Absent, false, StartedFact::Absent) => match spec {
            SpecFact::ThisBoot => Verdict::Ended(StepEnd::NeverRan),
            SpecFact::EarlierBoot => Verdict::Ended(StepEnd::Unproven(
                "the machine was restarted, and its records are not whole".into(),
            )),
            SpecFact::Missing => {
                Verdict::KillLeftovers(StepEnd::Unproven("its records were removed".into()))
            }
        },
        (ExitFact::Absent, false, StartedFact::EarlierBoot) => {
            Verdict::Ended(lost("the machine was restarted while it ran"))
        }
        (ExitFact::Absent, false, StartedFact::ThisBoot) => {
            Verdict::KillLeftovers(lost("its supervisor died"))
        }
        (ExitFact::Absent, false, StartedFact::Unreadable) => {
            Verdict::KillLeftovers(lost("the record of its start cannot be read"))
        }
    }
}

fn lost(reason: &str) -> StepEnd {
    StepEnd::Lost(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::record::Ended;

    fn whole() -> ExitFact {
        ExitFact::Whole(Box::new(Exit::of_nothing(Ended::Exited { code: 42 }, 0)))
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for lock_held in [true, false] {
            for started in [
                StartedFact::Absent,
                StartedFact::ThisBoot,
                StartedFact::EarlierBoot,
                StartedFact::Unreadable,
            ] {
                for exit in [ExitFact::Absent, whole(), ExitFact::Unreadable] {
                    let name = match exit {
                        ExitFact::Absent => "absent",
                        ExitFact::Whole(_) => "whole",
                        ExitFact::Unreadable => "unreadable",
                    };
                    let verdict = match reconcile(Facts {
                        lock_held,
                        spec: SpecFact::ThisBoot,
                        started,
                        exit,
                    }) {
                        Verdict::Ended(StepEnd::Exit(exit)) => {
                            format!("ended as recorded: {:?}", exit.ended)
                        }
                        other => format!("{other:?}"),
                    };
                    let lock = if lock_held { "lock held" } else { "lock free" };
                    table.push_str(&format!(
                        "{lock} | started {started:?} | exit {name} -> {verdict}\n"
                    ));
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn only_an_order_of_this_boot_proves_that_nothing_ran() {
        let verdict = |spec| {
            reconcile(Facts {
                lock_held: false,
                spec,
                started: StartedFact::Absent,
                exit: ExitFact::Absent,
            })
        };
        let proven = Verdict::Ended(StepEnd::NeverRan);
        assert_eq!(verdict(SpecFact::ThisBoot), proven);
        let Verdict::Ended(StepEnd::Unproven(_)) = verdict(SpecFact::EarlierBoot) else {
            panic!("after a restart of the machine nothing is proven");
        };
        let Verdict::KillLeftovers(StepEnd::Unproven(_)) = verdict(SpecFact::Missing) else {
            panic!("records that are gone prove nothing");
        };
    }
}
