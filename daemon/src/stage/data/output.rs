//! Where an output is written, and what its `path` means.

use proto::expression::{Context, Template};
use proto::stage::{OutputOrder, StageOrder};

use super::error::{DataError, io_of};
use super::local::Shape;
use super::place::{self, Place};

/// Where an output goes.
pub(super) enum Goal {
    /// It stays in the job's folder.
    Stays,
    /// There.
    Goes {
        /// As the job file says, with its references replaced.
        text: String,
        place: Place,
    },
}

/// What the `path` of an output means.
pub(super) fn goal(
    order: &StageOrder,
    name: &str,
    output: &OutputOrder,
) -> Result<Goal, DataError> {
    let Some(path) = &output.output.path else {
        return Ok(Goal::Stays);
    };
    let (template, _) = Template::parse_past_faults(path);
    let rendered = template.render(|reference| match reference.context {
        Context::DefaultDatastore => order.settings.default_datastore.clone(),
        Context::JobName => Some(order.job.clone()),
        Context::OutputName => Some(name.to_owned()),
        _ => None,
    });
    match rendered {
        Ok(text) => {
            let place = place::find(&text, &order.base_path, &order.settings)?;
            Ok(Goal::Goes { text, place })
        }
        // Without a default datastore the job's own folder is it.
        Err(unresolved) if unresolved.reference.context == Context::DefaultDatastore => {
            Ok(Goal::Stays)
        }
        Err(unresolved) => Err(DataError::Form {
            path: path.clone(),
            why: unresolved.to_string(),
        }),
    }
}

/// Whether the command itself writes to where it goes.
pub(super) fn is_direct(output: &OutputOrder) -> bool {
    output.output.mode.as_deref() == Some("direct")
}

/// Makes the folder that the command writes to, or that its file will be in.
pub(super) fn make(
    order: &StageOrder,
    name: &str,
    output: &OutputOrder,
) -> Result<String, DataError> {
    // A place that cannot be is told before the command has run for days.
    let goal = goal(order, name, output)?;
    check(&goal)?;
    let path = match goal {
        Goal::Goes { text, place } if is_direct(output) => match place {
            Place::Local(path) => path,
            _ => return Ok(text),
        },
        _ => order.folder.join(&output.path),
    };
    let folder = match Shape::of(&output.output.kind) {
        Shape::File => path.parent().unwrap_or(&path),
        _ => &path,
    };
    std::fs::create_dir_all(folder).map_err(io_of("make the folder", folder))?;
    Ok(path.to_string_lossy().into_owned())
}

fn check(goal: &Goal) -> Result<(), DataError> {
    match goal {
        Goal::Goes { place, .. } if matches!(place, Place::Web(_)) => Err(DataError::Form {
            path: place.shown(),
            why: "an output goes to a datastore, a store or a local path, not to a web server"
                .into(),
        }),
        _ => Ok(()),
    }
}
