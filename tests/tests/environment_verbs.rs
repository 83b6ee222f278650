//! The registry of environments through the client, and a build of one.

use std::fs;

use jobd_tests::harness::{Home, Staged};
use proto::api::ListEnvironments;
use serde_json::json;

#[test]
fn the_registry_is_listed_and_shown() {
    let mut home = Home::new();
    let folder = home.path().join("environments");
    fs::create_dir(&folder).unwrap();
    let mine = "name: mine\nversion: 2\ndescription: my own\nimage: docker.io/python\n\
                conda_file: {dependencies: [python=3.11, pip: [numpy==2.0]]}\n";
    fs::write(folder.join("mine.yml"), mine).unwrap();
    fs::write(folder.join("bad.yml"), "name: bad\nimge: x\n").unwrap();
    let settings = format!("environments: {}\n", folder.display());
    fs::write(home.path().join("jobd.yaml"), settings).unwrap();
    home.start(&[]);

    let list = home
        .run(&["environment", "list"])
        .ok()
        .says(&["bad.yml", "imge"]);
    let names = ["mine", "sklearn-1.5"];
    assert!(
        names.iter().all(|name| list.stdout.contains(name)),
        "{list:?}"
    );
    let page = |from| {
        let max_results = Some(1);
        let asked = ListEnvironments { max_results, from };
        home.connect().call(&asked).unwrap()
    };
    let (first, second) = (page(None), page(Some(1)));
    assert_eq!((first.environments.len(), first.next_from), (1, Some(1)));
    assert_ne!(first.environments, second.environments);
    let show = home.run(&["environment", "show", "mine@latest", "-o", "json"]);
    let shown = show.ok().json();
    assert_eq!(
        (&shown["version"], &shown["requirements"]),
        (&json!("2"), &json!(["numpy==2.0"]))
    );
    let sheet = home
        .run(&["environment", "show", "sklearn-1.5"])
        .ok()
        .stdout;
    assert!(sheet.contains("scikit-learn"), "{sheet}");
    for (name, expected) in [("nobody", "not in the registry"), ("mine:7", "only 2")] {
        drop(
            home.run(&["environment", "show", name])
                .code(125)
                .says(&[expected]),
        );
    }
}

#[test]
fn a_build_is_a_job_that_says_what_it_got() {
    let staged = Staged::running();
    let environment = json!({"name": "sklearn-1.5", "backend": "venv", "digest": "sha256:e"});
    staged.reports(
        "prepare",
        &json!({"stage": "prepared", "environment": environment}),
    );
    let home = &staged.home;
    let build = home
        .run(&["environment", "build", "sklearn-1.5@latest"])
        .ok();
    assert_eq!(build.stdout, "venv sha256:e\n");
    let order = &staged.order("prepare")["work"];
    assert_eq!(order["environment"], "azureml:sklearn-1.5@latest");
    staged.fails("prepare", "environment", "no version of x fits");
    let build = home.run(&["environment", "build", "sklearn-1.5"]).code(126);
    drop(build.says(&["environment: no version of x fits"]));
}
