//! Makes steps ready: from what the store knows of a job to a shim that only waits for *go*.

use std::path::Path;
use std::sync::Arc;

use proto::record::Spec;
use proto::stage::{PrepareReport, StageOrder, StageSettings};

use super::folder::StepFolder;
use super::launch::{self, LaunchError, Ready};
use super::pool::Pool;
use super::spare::Spare;
use super::stage::{self, Assets};
use super::{adopt, folder, origin};
use crate::core::plan::{self, Host};
use crate::core::stage_order::{self, Source};
use crate::core::{JobId, StepKind, StepRef};
use crate::layout::Layout;
use crate::stage as stages;
use crate::store::{Reader, Row};
use crate::sys::{self, failpoint};

/// The folder in a step's folder for what ends the rest of it.
const KILL_FOLDER: &str = "kill";

/// What steps are made of.
pub struct Maker {
    /// The jobs.
    pub reader: Reader,
    /// Where their folders are.
    pub layout: Layout,
    /// What commands find on this machine.
    pub host: Host,
    /// What stages are given.
    pub settings: Arc<StageSettings>,
    /// The supervisors.
    pub pool: Pool,
    /// The folders that are there before anybody asks for them.
    pub spare: Spare,
}

impl Maker {
    /// Makes a step ready: its folders and records, and a shim that waits for *go*.
    ///
    /// # Errors
    /// See [`LaunchError`]; nothing ran, and nothing of it is left.
    pub fn make_ready(&mut self, id: JobId, step: StepRef) -> Result<Ready, LaunchError> {
        let row = self
            .reader
            .job(id)
            .map_err(|error| LaunchError::Job(error.to_string()))?;
        let row = row.ok_or_else(|| LaunchError::Job("it is not in the store".into()))?;
        self.make_row_ready(&row, step)
    }

    /// The same for a job that may not be stored yet.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub fn make_row_ready(&mut self, row: &Row, step: StepRef) -> Result<Ready, LaunchError> {
        let prepared = self.prepared(row, step)?;
        let (name, definition) = (row.job.name.as_str(), &row.definition);
        let prepared = prepared.as_ref();
        let spec = plan::spec(name, step, definition, prepared, &self.layout, &self.host)?;
        let order = self.order(row, step, prepared);
        failpoint::reach("exec.before-folders");
        let (layout, spare) = (&self.layout, &mut self.spare);
        let folder = folder::prepare(layout, spare, name, step, definition, prepared)?;
        let path = folder.path.clone();
        let ready = self.fill(folder, row, &spec, order.as_ref());
        if ready.is_err() {
            // It is ours and new, and nothing ran: the next try must not find it.
            folder::discard(&path);
        }
        ready
    }

    /// What the job's prepare step has reported, for the steps after it.
    fn prepared(&self, row: &Row, step: StepRef) -> Result<Option<PrepareReport>, LaunchError> {
        if !row.job.prepares || step.kind == StepKind::Prepare {
            return Ok(None);
        }
        let reports = self.reader.reports(row.job.id);
        let reports = reports.map_err(|error| LaunchError::Job(error.to_string()))?;
        Ok(reports.prepared)
    }

    fn order(
        &self,
        row: &Row,
        step: StepRef,
        prepared: Option<&PrepareReport>,
    ) -> Option<StageOrder> {
        if !step.kind.is_stage() {
            return None;
        }
        let assets = Assets {
            reader: &self.reader,
            layout: &self.layout,
            uid: row.job.uid,
        };
        let source = Source {
            name: &row.job.name,
            definition: &row.definition,
            prepared,
            layout: &self.layout,
            settings: &self.settings,
            provides: &|environment| stages::may_provide(&self.settings, environment),
            others: &|| stage::others(&self.reader, row.job.uid),
        };
        stage_order::order(step.kind, &source, &|path, input| assets.find(path, input))
    }

    fn fill(
        &mut self,
        folder: StepFolder,
        row: &Row,
        spec: &Spec,
        order: Option<&StageOrder>,
    ) -> Result<Ready, LaunchError> {
        if let Some(Err(source)) = order.map(|order| stage::write_order(&folder.path, order)) {
            let path = folder.path;
            return Err(LaunchError::WriteOrder { path, source });
        }
        let job = origin::line(row).map_err(|error| LaunchError::Job(error.to_string()))?;
        launch::make_ready(&mut self.pool, folder, spec, &job)
    }

    /// Runs what the shim of a killed step would have run, if there is something: under a shim of
    /// its own, in the step's folder, once. Nobody waits for it.
    pub fn end_elsewhere(&mut self, step: &Path) {
        let Some(killer) = adopt::killer(step) else {
            return;
        };
        let path = step.join(KILL_FOLDER);
        let begun = sys::folder::make_new(&path)
            .map_err(|error| error.to_string())
            .and_then(|()| {
                let folder = StepFolder { path, blank: None };
                let ready = launch::make_ready(&mut self.pool, folder, &killer, &[]);
                ready.map(Ready::go).map_err(|error| error.to_string())
            });
        if let Err(error) = begun {
            tracing::warn!(%error, step = %step.display(), "what a kill does not reach may go on");
        }
    }
}
