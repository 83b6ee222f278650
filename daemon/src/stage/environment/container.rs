//! A container: the image that is there, pulled or built, and the words that run a command in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{getegid, geteuid};
use proto::stage::EnvironmentReport;

use super::definition::{Build, CondaFile, Definition};
use super::digest::Digest;
use super::program::{self, Limit, ProgramError};
use super::provide::{EnvironmentError, Task};
use super::room::Room;
use super::{conda, run, tools};

/// What a runtime says about itself, and a command that does nothing, take no longer.
const ASK: Duration = Duration::from_secs(60);
/// The name of images that are built here; the tag is the digest.
const BUILT: &str = "localhost/jobd-environment";
/// What adds a conda file to an image that has conda, as Azure ML does.
const WITH_CONDA: &str = "COPY conda.yml /azureml-environment/conda.yml\n\
    RUN conda env create --prefix /azureml-environment/prefix --file /azureml-environment/conda.yml\n\
    ENV PATH=/azureml-environment/prefix/bin:$PATH CONDA_PREFIX=/azureml-environment/prefix\n";

/// What came of it.
pub(super) enum Outcome {
    Provided(Box<EnvironmentReport>),
    /// The machine cannot: something else may take its place.
    Unavailable(String),
}

/// A program that runs containers.
pub(super) struct Runtime {
    pub(super) program: PathBuf,
    pub(super) name: String,
}

/// An image that is there.
struct Image {
    /// As people and files call it.
    name: String,
    /// What is run: the name may be another image's by then.
    exact: String,
    digest: String,
}

/// Makes the image or finds it made.
pub(super) fn provide(
    task: &mut Task<'_>,
    definition: &Definition,
    conda: Option<&CondaFile>,
) -> Result<Outcome, EnvironmentError> {
    let runtime = match Runtime::find() {
        Ok(runtime) => runtime,
        Err(why) => return Ok(Outcome::Unavailable(why)),
    };
    let image = match image(task, &runtime, definition)? {
        Ok(image) => image,
        Err(why) => return Ok(Outcome::Unavailable(why)),
    };
    // That images run at all is known before anything is built upon them.
    let has_init = runtime.try_out(&image.name, true).is_ok();
    if !has_init && let Err(error) = runtime.try_out(&image.name, false) {
        return Ok(Outcome::Unavailable(error.brief()));
    }
    let image = match conda {
        Some(conda) => with_conda(task, &runtime, &image, conda)?,
        None => image,
    };
    let words = run::words(task, &runtime, &image.exact, has_init)?;
    Ok(Outcome::Provided(Box::new(EnvironmentReport {
        name: task.name.clone(),
        backend: "container".into(),
        digest: Some(image.digest),
        wrapper: words.wrapper,
        kill: words.kill,
        container: Some(words.name),
        ..EnvironmentReport::default()
    })))
}

/// The image, or why it cannot be had.
fn image(
    task: &Task<'_>,
    runtime: &Runtime,
    definition: &Definition,
) -> Result<Result<Image, String>, EnvironmentError> {
    if let Some(build) = &definition.build {
        return from_context(task, runtime, build).map(Ok);
    }
    let image = definition.image.clone().unwrap_or_default();
    let room = Room::new(task.order, &Digest::new("container").with(&image).hex());
    let pulled = room.furnish(
        &format!("image {image}"),
        task.meter,
        |_| runtime.has(&image),
        |_, limit| runtime.pull(&image, limit),
    );
    match pulled {
        Err(EnvironmentError::Program(error)) => Ok(Err(error.brief())),
        Err(error) => Err(error),
        Ok(_) => Ok(Ok(as_it_is(runtime, image))),
    }
}

/// What is called so now.
fn as_it_is(runtime: &Runtime, name: String) -> Image {
    let exact = runtime.id(&name).unwrap_or_else(|| name.clone());
    let digest = Digest::new("container").with(&exact).hex();
    Image {
        name,
        exact,
        digest: format!("sha256:{digest}"),
    }
}

/// Builds the image of a folder; the folder's content is what makes it.
fn from_context(
    task: &Task<'_>,
    runtime: &Runtime,
    build: &Build,
) -> Result<Image, EnvironmentError> {
    let dockerfile = build.context.join(&build.dockerfile);
    if !dockerfile.is_file() {
        return Err(EnvironmentError::NoDockerfile(dockerfile));
    }
    let digest = Digest::new("container").with(build.dockerfile.as_os_str().as_encoded_bytes());
    let hex = digest.with_tree(&build.context)?.hex();
    let what = format!("image of {}", build.context.display());
    make(task, runtime, &hex, &what, |_| {
        Ok((dockerfile.clone(), build.context.clone()))
    })
}

/// Adds a conda file to an image.
fn with_conda(
    task: &Task<'_>,
    runtime: &Runtime,
    image: &Image,
    conda: &CondaFile,
) -> Result<Image, EnvironmentError> {
    let text = conda::text(conda)?;
    let hex = Digest::new("container")
        .with(&image.digest)
        .with(&text)
        .hex();
    let name = &image.name;
    let what = format!("image {name} with a conda file");
    make(task, runtime, &hex, &what, |folder| {
        let dockerfile = folder.join("Dockerfile");
        for (path, text) in [
            (&folder.join("conda.yml"), &text),
            (&dockerfile, &format!("FROM {name}\n{WITH_CONDA}")),
        ] {
            std::fs::write(path, text).map_err(|source| EnvironmentError::Folder {
                operation: "write",
                path: path.clone(),
                source,
            })?;
        }
        Ok((dockerfile, folder.into()))
    })
}

/// Builds an image under its digest, unless it is there.
fn make(
    task: &Task<'_>,
    runtime: &Runtime,
    hex: &str,
    what: &str,
    context: impl Fn(&Path) -> Result<(PathBuf, PathBuf), EnvironmentError>,
) -> Result<Image, EnvironmentError> {
    let tag = format!("{BUILT}:{hex}");
    let room = Room::new(task.order, hex);
    let is_there = |_: &Path| runtime.has(&tag);
    room.furnish(what, task.meter, is_there, |folder, limit| {
        let (dockerfile, context) = context(folder)?;
        let mut command = runtime.command(&["build", "--network", "host"]);
        // docker keeps the container of a step that failed.
        command.args(["--force-rm", "--tag", &tag, "--file"]);
        command.arg(&dockerfile).arg(&context);
        let what = format!("{} build {}", runtime.name, dockerfile.display());
        program::run(&mut command, &what, limit)?;
        Ok(())
    })?;
    Ok(Image {
        name: tag.clone(),
        exact: tag,
        digest: room.digest,
    })
}

impl Runtime {
    /// The first that works, or why there is none.
    fn find() -> Result<Runtime, String> {
        let mut why = "neither podman nor docker is on this machine".to_owned();
        for program in tools::CONTAINER.iter().filter_map(|name| tools::find(name)) {
            let name = tools::name(&program);
            let runtime = Runtime { program, name };
            let what = format!("{} info", runtime.name);
            match program::ask(&mut runtime.command(&["info"]), &what, Limit::of(ASK)) {
                Ok(_) => return Ok(runtime),
                Err(error) => why = error.brief(),
            }
        }
        Err(why)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        command
    }

    fn has(&self, image: &str) -> bool {
        self.inspect(image).is_ok()
    }

    /// What the runtime itself calls an image.
    fn id(&self, image: &str) -> Option<String> {
        let said = self.inspect(image).ok()?;
        let id = said.lines().next_back()?.trim();
        (!id.is_empty()).then(|| id.to_owned())
    }

    fn inspect(&self, image: &str) -> Result<String, ProgramError> {
        let mut command = self.command(&["image", "inspect", "--format", "{{.Id}}", image]);
        program::ask(&mut command, "look for the image", Limit::of(ASK))
    }

    /// Gets an image, unless it is there.
    fn pull(&self, image: &str, limit: Limit) -> Result<(), EnvironmentError> {
        if self.has(image) {
            return Ok(());
        }
        let what = format!("{} pull {image}", self.name);
        Ok(program::run(
            &mut self.command(&["pull", image]),
            &what,
            limit,
        )?)
    }

    /// Runs a command that does nothing in an image, as a job would run. The program that reaps
    /// orphans in a container (`--init`) is not installed everywhere.
    fn try_out(&self, image: &str, with_init: bool) -> Result<(), ProgramError> {
        let mut command = self.command(&["run", "--rm", "--pull", "never"]);
        command.args(with_init.then_some("--init"));
        command.args(run::isolation(self));
        command.args(["--entrypoint", "", image, "/bin/sh", "-c", ":"]);
        let what = format!("run {image} with {}", self.name);
        program::ask(&mut command, &what, Limit::of(ASK)).map(drop)
    }

    /// Whether a user without rights of root runs it as such.
    pub(super) fn is_rootless(&self) -> bool {
        self.name == "podman" && !geteuid().is_root()
    }
}

/// The user and group of the job.
pub(super) fn user() -> String {
    format!("{}:{}", geteuid(), getegid())
}
