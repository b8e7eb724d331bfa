//! Project descriptors: schema 0.2 (`cnb-project-descriptor.md`, buildpacks/spec b745fcf) with the table `_`, and
//! schema 0.1 with the table `project`, as RFC 0054 of buildpacks/rfcs has it. What has another type than the schema
//! says is refused by its key.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Most bytes of a descriptor.
const MOST: u64 = 1 << 20;

/// Why a descriptor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// It cannot be read.
    #[error("read the project descriptor {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is not a descriptor.
    #[error("read the project descriptor {}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// The schema of a descriptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Schema {
    /// The table `project`.
    V0_1,
    /// The table `_`.
    #[default]
    V0_2,
}

/// What a descriptor says of the project. Empty texts are left out and named in `warnings`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Its schema.
    pub schema: Schema,
    /// `id`.
    pub id: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `authors`.
    pub authors: Vec<String>,
    /// `documentation-url`.
    pub documentation_url: Option<String>,
    /// `source-url`.
    pub source_url: Option<String>,
    /// `licenses`.
    pub licences: Vec<Licence>,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// One of the licences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licence {
    /// An SPDX expression, or any text.
    pub r#type: Option<String>,
    /// Where a licence of its own is to be read.
    pub uri: Option<String>,
}

/// Reads the descriptor at `path`.
///
/// # Errors
/// [`DescriptorError`].
pub fn read(path: &Path) -> Result<Descriptor, DescriptorError> {
    let fail = |source| DescriptorError::Read { path: path.to_path_buf(), source };
    let wrong = |reason: String| DescriptorError::Format { path: path.to_path_buf(), reason };
    // What is not a file may never end, or never begin.
    let facts = std::fs::metadata(path).map_err(fail)?;
    if !facts.is_file() {
        return Err(wrong("it is not a file".to_owned()));
    }
    if facts.len() > MOST {
        return Err(wrong(format!("it has {} bytes, more than {MOST}", facts.len())));
    }
    let bytes = std::fs::read(path).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    parse(&text).map_err(wrong)
}

/// Reads the descriptor at `path`, where there is something.
///
/// # Errors
/// [`DescriptorError`].
pub fn read_if_there(path: &Path) -> Result<Option<Descriptor>, DescriptorError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => read(path).map(Some),
    }
}

/// Reads a descriptor's text; the error says what is wrong in one line.
///
/// # Errors
/// The reason.
pub fn parse(text: &str) -> Result<Descriptor, String> {
    let file: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let reason = error.message().lines().next().unwrap_or_default();
        format!("line {line} is not TOML: {reason}")
    })?;
    let mut warnings = Vec::new();
    let (schema, name) = match schema(&file)? {
        Schema::V0_1 => (Schema::V0_1, "project"),
        Schema::V0_2 => {
            if file.contains_key("project") {
                warnings.push("[project] is of schema 0.1 and is not read: schema-version is 0.2".to_owned());
            }
            (Schema::V0_2, "_")
        }
    };
    let empty = Table::new();
    let table = table(&file, "", name)?.unwrap_or(&empty);
    let mut reader = Reader { name, warnings };
    Ok(Descriptor {
        schema,
        id: reader.text(table, "id")?,
        name: reader.text(table, "name")?,
        version: reader.text(table, "version")?,
        authors: reader.texts(table, "authors")?,
        documentation_url: reader.text(table, "documentation-url")?,
        source_url: reader.text(table, "source-url")?,
        licences: reader.licences(table)?,
        warnings: reader.warnings,
    })
}

/// `_` has to say its schema version; without `_` the descriptor is of schema 0.1, which has none.
fn schema(file: &Table) -> Result<Schema, String> {
    let Some(project) = table(file, "", "_")? else { return Ok(Schema::V0_1) };
    match project.get("schema-version") {
        Some(Value::String(version)) => match version.as_str() {
            "0.1" => Ok(Schema::V0_1),
            "0.2" => Ok(Schema::V0_2),
            other => Err(format!("_.schema-version is '{other}', and 0.1 and 0.2 are known")),
        },
        Some(other) => Err(wrong_type("_.schema-version", other, "a string, such as \"0.2\"")),
        None => Err("_ has no schema-version; write schema-version = \"0.2\" there".to_owned()),
    }
}

fn table<'a>(parent: &'a Table, of: &str, key: &str) -> Result<Option<&'a Table>, String> {
    match parent.get(key) {
        None => Ok(None),
        Some(Value::Table(table)) => Ok(Some(table)),
        Some(other) => Err(wrong_type(&format!("{of}{key}"), other, "a table")),
    }
}

fn wrong_type(key: &str, found: &Value, wanted: &str) -> String {
    let article = if matches!(found, Value::Integer(_) | Value::Array(_)) { "an" } else { "a" };
    format!("{key} is {article} {}, and takes {wanted}", found.type_str())
}

/// Takes values out of the project's table.
struct Reader {
    name: &'static str,
    warnings: Vec<String>,
}

impl Reader {
    fn text(&mut self, table: &Table, key: &str) -> Result<Option<String>, String> {
        self.text_at(table.get(key), &format!("{}.{key}", self.name))
    }

    fn text_at(&mut self, value: Option<&Value>, key: &str) -> Result<Option<String>, String> {
        match value {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.warnings.push(format!("{key} is empty and is left out"));
                Ok(None)
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong_type(key, other, "a string")),
        }
    }

    fn list<'a>(&self, table: &'a Table, key: &str, wanted: &str) -> Result<&'a [Value], String> {
        match table.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(wrong_type(&format!("{}.{key}", self.name), other, wanted)),
        }
    }

    fn texts(&mut self, table: &Table, key: &str) -> Result<Vec<String>, String> {
        let items = self.list(table, key, "an array of strings")?;
        let mut found = Vec::new();
        for (number, item) in items.iter().enumerate() {
            found.extend(self.text_at(Some(item), &format!("{}.{key}[{number}]", self.name))?);
        }
        Ok(found)
    }

    fn licences(&mut self, table: &Table) -> Result<Vec<Licence>, String> {
        let items = self.list(table, "licenses", "an array of tables: [[…licenses]]")?;
        let mut found = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let key = format!("{}.licenses[{number}]", self.name);
            let Value::Table(item) = item else {
                return Err(wrong_type(&key, item, "a table with type or uri"));
            };
            let r#type = self.text_at(item.get("type"), &format!("{key}.type"))?;
            let uri = self.text_at(item.get("uri"), &format!("{key}.uri"))?;
            if r#type.is_none() && uri.is_none() {
                self.warnings.push(format!("{key} has neither type nor uri and is left out"));
            } else {
                found.push(Licence { r#type, uri });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemas_say_the_same_in_tables_of_another_name() {
        let body = "id='i'\nname='n'\nversion='1'\nauthors=['A <a@e.example>','B']\ndocumentation-url='https://d.example'\n\
                    source-url='https://s.example'\n";
        let new = format!("[_]\nschema-version='0.2'\n{body}[[_.licenses]]\ntype='MIT'\n[[_.licenses]]\nuri='u'\n");
        let old = format!("[project]\n{body}[[project.licenses]]\ntype='MIT'\n[[project.licenses]]\nuri='u'\n");
        let (new, old) = (parse(&new).unwrap(), parse(&old).unwrap());
        assert_eq!((new.schema, old.schema), (Schema::V0_2, Schema::V0_1));
        assert_eq!(Descriptor { schema: Schema::V0_2, ..old }, new);
        assert_eq!((new.authors.len(), new.licences.len(), new.warnings.len()), (2, 2, 0));
    }

    #[test]
    fn what_is_not_of_the_schema_is_refused_by_its_key() {
        for (text, reason) in [
            ("[_]\nname='n'\n", "_ has no schema-version"),
            ("[_]\nschema-version='1.0'\n", "'1.0', and 0.1 and 0.2 are known"),
            ("[_]\nschema-version=0.2\n", "_.schema-version is a float"),
            ("_='x'\n", "_ is a string, and takes a table"),
            ("[_]\nschema-version='0.2'\nversion=1\n", "_.version is an integer, and takes a string"),
            ("[_]\nschema-version='0.2'\nauthors='A'\n", "_.authors is a string, and takes an array"),
            ("[project]\nauthors=['A', 2]\n", "project.authors[1] is an integer"),
            ("[_]\nschema-version='0.2'\nlicenses=['MIT']\n", "_.licenses[0] is a string"),
            ("[[_.licenses]]\ntype='MIT'\n", "_ has no schema-version"),
            ("[_\n", "line 1 is not TOML"),
            ("a=1\n\nb==2\n", "line 3 is not TOML"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason) && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_empty_is_left_out_and_named() {
        let found = parse(
            "[_]\nschema-version='0.2'\nname=''\nauthors=['', ' ', 'A']\n[[_.licenses]]\n[project]\nname='old'\n",
        )
        .unwrap();
        assert_eq!((found.name, found.authors, found.licences), (None, vec!["A".to_owned()], Vec::new()));
        assert_eq!(found.warnings.len(), 5, "{:?}", found.warnings);
        assert_eq!(parse("[io.buildpacks]\nbuilder='b'\n").unwrap().warnings, Vec::<String>::new());
    }
}
