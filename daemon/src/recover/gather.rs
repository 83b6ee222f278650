//! What is known of each job: from the store that was, and from the folders of its steps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use crate::core::{Definition, Job, JobId, StepRef};
use crate::exec;
use crate::layout::{Layout, parse_step};
use crate::store::Salvage;

use super::report::Source;

/// A job with everything that the store keeps of it.
#[derive(Debug)]
pub struct Known {
    pub job: Job,
    pub definition: Definition,
    pub archived: bool,
    pub spool_key: Option<String>,
    /// When its folders were given up.
    pub pruned_at: Option<i64>,
    pub source: Source,
}

/// All jobs that are known, by number, and the names of those whose definition is nowhere.
#[derive(Debug, Default)]
pub struct Gathered {
    pub jobs: BTreeMap<JobId, Known>,
    pub undefined: Vec<String>,
}

/// The last step of each job that has a folder of a step.
fn last_steps(layout: &Layout) -> io::Result<HashMap<String, StepRef>> {
    let mut last: HashMap<String, StepRef> = HashMap::new();
    for entry in std::fs::read_dir(layout.steps())? {
        let folder = entry?.file_name();
        let Some((name, step)) = folder.to_str().and_then(parse_step) else {
            continue;
        };
        let known = last.entry(name.to_owned()).or_insert(step);
        *known = step.max(*known);
    }
    Ok(last)
}

/// Puts both together. Where both know a job, the later of the two holds.
///
/// # Errors
/// When the folders cannot be listed.
pub fn gather(layout: &Layout, salvage: Salvage) -> io::Result<Gathered> {
    let mut steps = last_steps(layout)?;
    let mut gathered = Gathered::default();
    let mut homeless = Vec::new();
    for (id, salvaged) in salvage.jobs {
        let name = salvaged.job.name.clone();
        let step = steps.remove(&name);
        let origin = step.and_then(|step| exec::origin(&layout.step(&name, step)));
        let newer = origin
            .as_ref()
            .filter(|_| is_behind(&salvaged.job, step))
            .map(|origin| origin.job.clone());
        let Some(definition) = salvaged
            .definition
            .or_else(|| origin.map(|origin| origin.definition))
        else {
            gathered.undefined.push(name);
            continue;
        };
        let known = Known {
            job: newer.unwrap_or(salvaged.job),
            definition,
            archived: salvaged.archived,
            spool_key: salvaged.spool_key,
            pruned_at: salvaged.pruned_at,
            source: Source::Store,
        };
        gathered.jobs.insert(id, known);
    }
    for (name, step) in steps {
        match exec::origin(&layout.step(&name, step)) {
            Some(origin) => homeless.push(Known {
                job: origin.job,
                definition: origin.definition,
                archived: false,
                spool_key: origin.spool_key,
                pruned_at: None,
                source: Source::Folder,
            }),
            None => gathered.undefined.push(name),
        }
    }
    house(&mut gathered, homeless);
    gathered
        .undefined
        .extend(unknown_folders(layout, &gathered)?);
    gathered.undefined.sort();
    gathered.undefined.dedup();
    Ok(gathered)
}

/// Folders of jobs that never began a step, and that the store does not know either.
fn unknown_folders(layout: &Layout, gathered: &Gathered) -> io::Result<Vec<String>> {
    let names: HashSet<&str> = gathered
        .jobs
        .values()
        .map(|known| known.job.name.as_str())
        .collect();
    let mut unknown = Vec::new();
    for entry in std::fs::read_dir(layout.jobs())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !names.contains(name.as_str()) {
            unknown.push(name);
        }
    }
    Ok(unknown)
}

/// Whether the folders tell of a step that this state does not know yet.
fn is_behind(job: &Job, last: Option<StepRef>) -> bool {
    !job.status.is_terminal() && last.is_some() && job.active.map(|active| active.step) < last
}

/// Gives jobs that the store has lost their numbers back; a number that is taken by another job
/// by now is replaced by one above all.
fn house(gathered: &mut Gathered, mut homeless: Vec<Known>) {
    homeless.sort_by_key(|known| known.job.id);
    for mut known in homeless {
        if gathered.jobs.contains_key(&known.job.id) {
            let last = gathered.jobs.keys().next_back().copied();
            known.job.id = last.unwrap_or(0) + 1;
        }
        gathered.jobs.insert(known.job.id, known);
    }
}
