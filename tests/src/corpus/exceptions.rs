//! What is known of single files of the corpus: every exception with its reason. A test fails
//! when a file behaves as if it were in no list, and when it stands in one without need.

/// Files of the examples that are no jobs, with the first error that tells so.
pub const NO_JOBS: &[(&str, &str)] = &[
    // A component with the schema of a command.
    (
        "cli/responsible-ai/cli-responsibleaidashboard-programmer-regression/train_programmers.yml",
        "version",
    ),
    // A template whose blanks are not filled in; the SDK refuses it too.
    ("cli/jobs/nebulaml/cifar10_deepspeed/job.yml", "environment"),
];

/// Files with one fault whose job is read all the same, and why.
pub const ACCEPTED: &[(&str, &str)] = &[
    (
        "035",
        "whether a path exists is seen when the job is prepared",
    ),
    ("047", "the SDK does not require the count either; it is 1"),
    ("059", "camel case is legal"),
    ("069", "a reference without a version is legal"),
    (
        "075",
        "an environment is not built here, so its folder is not looked for",
    ),
    ("081", "a variable without a value is legal"),
    ("091", "the SDK accepts it; it gets a warning"),
    ("115", "12:30:45 is the number 45045"),
    ("117", "read-only keys are dropped"),
    ("119", "read-only keys are dropped"),
    ("405", "a byte order mark is legal"),
    ("313", "the local compute is the one there is"),
    (
        "315",
        "the SDK accepts unknown settings; they get a warning",
    ),
];

/// The code that refuses each of the others.
pub const REFUSED: &[(&str, &str)] = &[
    ("001", "unknown-key"),
    ("003", "unknown-key"),
    ("005", "missing-key"),
    ("007", "wrong-type"),
    ("009", "wrong-type"),
    ("011", "out-of-range"),
    ("013", "wrong-type"),
    ("015", "wrong-type"),
    ("017", "out-of-range"),
    ("019", "unknown-reference"),
    ("021", "bad-expression"),
    ("023", "unknown-reference"),
    ("025", "bad-name"),
    ("027", "unknown-value"),
    ("029", "unknown-value"),
    ("031", "unknown-value"),
    ("033", "wrong-type"),
    ("037", "wrong-type"),
    ("039", "unknown-value"),
    ("041", "wrong-type"),
    ("043", "missing-key"),
    ("045", "missing-key"),
    ("049", "out-of-range"),
    ("051", "out-of-range"),
    ("053", "wrong-type"),
    ("055", "bad-size"),
    ("057", "wrong-type"),
    ("061", "unknown-value"),
    ("063", "unknown-value"),
    ("065", "unknown-value"),
    ("067", "unknown-key"),
    ("071", "bad-environment"),
    ("073", "bad-environment"),
    ("077", "unsupported-value"),
    ("079", "wrong-type"),
    ("083", "wrong-type"),
    ("085", "wrong-type"),
    ("087", "bad-name"),
    ("089", "bad-name"),
    ("093", "wrong-type"),
    ("095", "duplicate-key"),
    ("097", "wrong-type"),
    ("099", "empty-file"),
    ("101", "several-documents"),
    ("103", "undefined-alias"),
    ("105", "too-many-values"),
    ("107", "unknown-tag"),
    ("109", "unknown-key"),
    ("111", "too-deep"),
    ("113", "wrong-type"),
    ("401", "not-utf8"),
    ("403", "not-utf8"),
    ("407", "too-large"),
    ("409", "syntax"),
    ("411", "control-character"),
    ("201", "missing-key"),
    ("203", "missing-key"),
    ("205", "unknown-value"),
    ("207", "out-of-range"),
    ("209", "bad-pairing"),
    ("211", "empty"),
    ("213", "unknown-reference"),
    ("215", "bad-pairing"),
    ("217", "out-of-range"),
    ("219", "wrong-type"),
    ("301", "missing-key"),
    ("303", "unknown-reference"),
    ("305", "unknown-reference"),
    ("307", "circle"),
    ("309", "unknown-value"),
    ("311", "unknown-reference"),
    ("317", "bad-expression"),
];

/// Files that the SDK does not load, so that there is nothing to compare with: a part of what it
/// says, and the reason.
pub const UNSEEN_BY_SDK: &[(&str, &str, &str)] = &[
    (
        "cli/responsible-ai/cli-responsibleaidashboard-housing-classification/cli-responsibleaidashboard-housing-classification.yml",
        "original: ValidationError: Validation for PipelineJobSchema failed",
        "it names component files that are not in the corpus",
    ),
    (
        "cli/endpoints/batch/deploy-pipelines/training-with-components/deployment-ordinal/pipeline.yml",
        "Component name should only contain lower letter",
        "the SDK refuses the hyphen in the name, though not where a pipeline names the file",
    ),
    (
        "cli/jobs/pipelines-with-components/basics/6c_r_iris/component.yml",
        "Component name should only contain lower letter",
        "the SDK refuses the hyphen in the name, though not where a pipeline names the file",
    ),
];
