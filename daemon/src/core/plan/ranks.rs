//! What a distributed command finds (azureml.md §3, "Distributed"). It runs as one process on this
//! machine: the first of one, with itself as the others' address, so that what begins by meeting
//! the others begins at once.

use std::hash::{DefaultHasher, Hash, Hasher};

use proto::job::Distribution;

/// Ports for the first process to listen on: below those that the kernel gives away.
const PORT_FIRST: u64 = 20_000;
const PORTS: u64 = 10_000;
const HERE: &str = "127.0.0.1";

/// The variables of the only process of a job.
pub(super) fn variables(name: &str, distribution: &Distribution) -> Vec<(&'static str, String)> {
    let port = port(name);
    match distribution {
        Distribution::PyTorch { .. } => vec![
            ("MASTER_ADDR", HERE.into()),
            ("MASTER_PORT", port.to_string()),
            ("WORLD_SIZE", "1".into()),
            ("NODE_RANK", "0".into()),
            ("RANK", "0".into()),
            ("LOCAL_RANK", "0".into()),
        ],
        Distribution::Mpi { .. } => vec![
            ("OMPI_COMM_WORLD_RANK", "0".into()),
            ("OMPI_COMM_WORLD_SIZE", "1".into()),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "0".into()),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "1".into()),
            ("AZ_BATCHAI_MPI_MASTER_NODE", HERE.into()),
            ("AZ_BATCHAI_TASK_INDEX", "0".into()),
        ],
        Distribution::TensorFlow { .. } => {
            let cluster = format!(r#"{{"worker":["{HERE}:{port}"]}}"#);
            let task = r#"{"type":"worker","index":0}"#;
            let all = format!(r#"{{"cluster":{cluster},"task":{task},"environment":"cloud"}}"#);
            vec![("TF_CONFIG", all)]
        }
        Distribution::Ray(_) => Vec::new(),
    }
}

/// Jobs that run beside each other rarely have the same.
fn port(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    PORT_FIRST + hasher.finish() % PORTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_process_is_the_first_of_one() {
        let pytorch = Distribution::PyTorch {
            process_count_per_instance: Some(4),
        };
        let all = variables("job", &pytorch);
        let get = |name| &all.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(
            (get("RANK").as_str(), get("WORLD_SIZE").as_str()),
            ("0", "1")
        );
        assert_eq!(all, variables("job", &pytorch));
        assert_ne!(get("MASTER_PORT"), &variables("other", &pytorch)[1].1);
        let tensorflow = Distribution::TensorFlow {
            worker_count: Some(2),
            parameter_server_count: None,
        };
        let config: serde_json::Value =
            serde_json::from_str(&variables("job", &tensorflow)[0].1).unwrap();
        assert_eq!(config["task"]["index"], 0);
        assert_eq!(config["cluster"]["worker"].as_array().unwrap().len(), 1);
    }
}
