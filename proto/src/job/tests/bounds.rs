//! Files that a megabyte makes as costly as it can: reading them must stay cheap.

use std::time::{Duration, Instant};

use crate::job::{FINDINGS_MAX, read_any};

/// Each takes well under a second unoptimized on an idle machine; quadratic work takes minutes.
const PATIENCE: Duration = Duration::from_secs(15);

fn command(piece: &str, times: usize, inputs: usize) -> String {
    let inputs: String = (0..inputs).map(|i| format!("  a{i}: 1\n")).collect();
    format!(
        "environment: azureml:e\ncommand: 'x{}'\ninputs:\n  a: 1\n{inputs}",
        piece.repeat(times)
    )
}

#[test]
fn hostile_jobs_end_quickly() {
    let many_names: String = (0..5000).map(|i| format!("${{{{inputs.b{i}}}}}")).collect();
    let cases = [
        command("${{inputs.x}}", 10_000, 0),
        command("{inputs.x}", 13_000, 0),
        command("{inputs.a}", 13_000, 0),
        command("$[[${{inputs.x}}]]", 7000, 0),
        command("${{", 40_000, 0),
        command("$[[", 40_000, 0),
        command("{inputs.", 16_000, 0),
        command(&many_names, 1, 20_000),
        (0..20_000).map(|i| format!("a{i}: 1\n")).collect(),
        format!(
            "environment: azureml:e\ncommand: x\noutputs: {{o: {{path: '{}'}}}}",
            "${{inputs.x}}".repeat(70_000)
        ),
        format!(
            "type: pipeline\njobs:\n  s: {{component: 'azureml:x', inputs: {{a: '{}'}}}}\n",
            "${{parent.jobs.t.outputs.o}}".repeat(30_000)
        ),
        format!(
            "type: pipeline\njobs:\n  s: {{component: 'azureml:x', inputs: {{a: '{}'}}}}\n",
            "${{parent.jobs.s.outputs.o}}".repeat(30_000)
        ),
    ];
    for text in cases {
        let began = Instant::now();
        let reading = read_any(text.as_bytes(), None, None);
        let took = began.elapsed();
        assert!(took < PATIENCE, "{}… took {took:?}", &text[..80]);
        assert!(reading.diagnostics.len() <= FINDINGS_MAX);
    }
}
