//! Who is measured: jobd and its peers, each with everything it needs in a folder of its own.

use super::daemon::{Daemon, done, time};
use super::options::Options;
use super::place::{Job, Place};
use super::progress::say;
use super::rounds::CONCURRENCY;
use super::{Outcome, interrupt, peers};

/// A runner of jobs, ready to take them; it ends with this value.
pub trait Contestant {
    /// Its column in the table.
    fn name(&self) -> &'static str;

    /// Hands over one job, and says how many milliseconds that took.
    ///
    /// # Errors
    /// When it is refused.
    fn submit(&mut self, job: &Job) -> Outcome<f64>;

    /// Hands over many at once, where it knows a way that is better than one by one.
    ///
    /// # Errors
    /// When they are refused.
    fn bulk(&mut self, jobs: &[Job]) -> Outcome<()> {
        for job in jobs {
            self.submit(job)?;
        }
        Ok(())
    }

    /// Waits until it has nothing to do. That all jobs have run is known before.
    ///
    /// # Errors
    /// When it never has.
    fn settle(&mut self) -> Outcome<()> {
        Ok(())
    }

    /// Whether it has a way to stop a job.
    fn can_kill(&self) -> bool {
        false
    }

    /// Stops the job that was handed over last and runs.
    ///
    /// # Errors
    /// When it refuses, or cannot.
    fn kill(&mut self) -> Outcome<()> {
        Err("it cannot stop a job".into())
    }

    /// The processes of its service; none when it has none.
    fn service(&self) -> Vec<u32>;

    /// Of so many repetitions it gets one: for those that are too slow.
    fn pace(&self) -> usize {
        1
    }

    /// It is not asked to hold a longer queue.
    fn queue_max(&self) -> usize {
        usize::MAX
    }
}

/// All who take part.
pub struct Field {
    /// They; jobd is the first.
    pub all: Vec<Box<dyn Contestant>>,
    /// Who cannot, and why not.
    pub absent: Vec<(String, String)>,
}

impl Field {
    /// Starts all, each in a folder that nobody has used.
    ///
    /// # Errors
    /// When jobd does not start.
    pub fn open(place: &Place, options: &Options) -> Outcome<Field> {
        let home = place.new_folder()?;
        let mut field = Field {
            all: vec![Box::new(Jobd::start(place, &format!("{home}/jobd"))?)],
            absent: Vec::new(),
        };
        if let Some(folder) = &options.peers {
            let own = place.path(&home);
            for (name, peer) in peers::start_all(folder, &own) {
                match peer {
                    Ok(peer) => field.all.push(peer),
                    Err(error) => field.absent.push((name.into(), error.to_string())),
                }
            }
        }
        Ok(field)
    }

    /// Does something with each in turn. A peer that fails is out from then on, and its reason is
    /// kept.
    ///
    /// # Errors
    /// When jobd fails.
    pub fn each(
        &mut self,
        mut work: impl FnMut(&mut dyn Contestant) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut at = 0;
        while let Some(contestant) = self.all.get_mut(at) {
            match work(contestant.as_mut()) {
                Err(error) if at > 0 && !interrupt::came() => {
                    let failed = self.all.remove(at);
                    let reason = format!("failed: {error}");
                    say(&format!("{} {reason}", failed.name()));
                    self.absent.push((failed.name().into(), reason));
                }
                done => {
                    done?;
                    at += 1;
                }
            }
        }
        Ok(())
    }
}

/// jobd itself.
#[derive(Debug)]
pub struct Jobd {
    /// Its daemon.
    pub daemon: Daemon,
}

impl Jobd {
    /// Starts it in the home of that name, which may be there already.
    ///
    /// # Errors
    /// When it does not run a job.
    pub fn start(place: &Place, home: &str) -> Outcome<Jobd> {
        let mut daemon = Daemon::start(
            place,
            home,
            &["--slots", &CONCURRENCY.to_string(), "--grace-seconds", "1"],
        )?;
        daemon.rehearse(place)?;
        daemon.hang_up();
        Ok(Jobd { daemon })
    }
}

impl Contestant for Jobd {
    fn name(&self) -> &'static str {
        "jobd"
    }

    fn submit(&mut self, job: &Job) -> Outcome<f64> {
        time(|| self.daemon.submit([job]))
    }

    fn bulk(&mut self, jobs: &[Job]) -> Outcome<()> {
        self.daemon.submit(jobs)
    }

    fn settle(&mut self) -> Outcome<()> {
        self.daemon.wait_idle()
    }

    fn can_kill(&self) -> bool {
        true
    }

    fn kill(&mut self) -> Outcome<()> {
        done(self.daemon.jobctl("cancel").arg("@last"))
    }

    fn service(&self) -> Vec<u32> {
        self.daemon.service().0
    }
}
