//! Trials of what few run images have.

use serde_json::{Value, json};

use crate::evidence::{Document, Export};
use crate::sample::edit_config;
use crate::trial::Trials;

fn edit_base(export: &mut Export, edit: impl FnOnce(&mut Value)) {
    let mut base: Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
    edit(&mut base);
    export.run_image.config = Document::new(base.to_string().into_bytes(), None);
}

/// A field of the run image's config that the image does not have.
fn base_has(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_base(export, |base| put(base, key, &value))
}

fn put(config: &mut Value, key: &str, value: &Value) {
    match key {
        "ArgsEscaped" => config["config"][key] = value.clone(),
        _ => config[key] = value.clone(),
    }
}

fn with_variable(export: &mut Export) {
    edit_base(export, |base| base["config"]["Env"] = json!(["PATH=/bin", "ALONE"]));
}

pub(super) fn trials() -> Vec<Trials> {
    vec![
        Trials::of("config.rare-fields-kept")
            .rejects("os.features are gone", base_has("os.features", json!(["one"])))
            .rejects("ArgsEscaped is gone", base_has("ArgsEscaped", json!(true)))
            .rejects("os.features are invented", |e| edit_config(e, |config| config["os.features"] = json!(["own"])))
            .rejects("other os.features", |e| {
                edit_base(e, |base| base["os.features"] = json!(["one"]));
                edit_config(e, |config| config["os.features"] = json!(["two"]));
            })
            .rejects("the author is gone", base_has("author", json!("Ada <ada@base.example>")))
            .rejects("another author", |e| {
                edit_base(e, |base| base["author"] = json!("Ada <ada@base.example>"));
                edit_config(e, |config| config["author"] = json!("exporter"));
            })
            .accepts("the run image's author", |e| {
                edit_base(e, |base| base["author"] = json!("Ada <ada@base.example>"));
                edit_config(e, |config| config["author"] = json!("Ada <ada@base.example>"));
            })
            .accepts("an author where the run image has none", |e| {
                edit_base(e, |base| base["author"] = json!(""));
                edit_config(e, |config| config["author"] = json!("nobody"));
            })
            .accepts("both have them", |e| {
                edit_base(e, |base| base["os.features"] = json!(["one"]));
                edit_config(e, |config| config["os.features"] = json!(["one"]));
            })
            .accepts("false and none are nothing", |e| {
                edit_base(e, |base| base["config"]["ArgsEscaped"] = json!(false));
                edit_config(e, |config| config["os.features"] = json!([]));
            }),
        Trials::of("config.env-entries-kept")
            .rejects("a variable without a value is gone", with_variable)
            .rejects("it has a value now", |e| {
                with_variable(e);
                edit_config(e, |config| config["config"]["Env"] = json!(["PATH=/bin", "ALONE="]));
            })
            .accepts("it is there, in another place", |e| {
                with_variable(e);
                edit_config(e, |config| config["config"]["Env"] = json!(["ALONE", "PATH=/bin"]));
            })
            .accepts("every variable has a value", |e| {
                edit_base(e, |base| base["config"]["Env"] = json!(["PATH=/bin", "A=", ""]));
            }),
    ]
}
