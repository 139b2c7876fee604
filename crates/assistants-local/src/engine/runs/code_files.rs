//! The files of the user that code can read.

use std::collections::HashSet;

use assistants_types::openai::{Assistant, File, Run, Thread, Tool, ToolChoice, ToolResources};

use crate::storage::object::load;
use crate::storage::{StorageError, Transaction};

/// Returns whether a run may execute code, if the server can.
pub(super) fn is_on(run: &Run) -> bool {
    let has_tool = run.tools.iter().any(|tool| matches!(tool, Tool::CodeInterpreter(_)));
    has_tool && !matches!(run.tool_choice, Some(ToolChoice::None))
}

/// Returns the files of the run's assistant and thread, by id and the name under which code finds them. No two have the same
/// name. Files that have been deleted are left out.
pub(super) fn attached(
    transaction: &dyn Transaction,
    assistant_id: &str,
    thread_id: &str,
) -> Result<Vec<(String, String)>, StorageError> {
    let assistant = load::<Assistant>(transaction, assistant_id)?;
    let thread = load::<Thread>(transaction, thread_id)?;
    let resources = [
        assistant.and_then(|assistant| assistant.object.tool_resources),
        thread.and_then(|thread| thread.object.tool_resources),
    ];
    let (mut files, mut ids, mut names) = (Vec::new(), HashSet::new(), HashSet::new());
    for id in resources.into_iter().flatten().flat_map(file_ids) {
        let Some(file) = load::<File>(transaction, &id)? else {
            continue;
        };
        if !ids.insert(id.clone()) {
            continue;
        }
        let mut name = plain_name(&file.object.filename, &id);
        if !names.insert(name.clone()) {
            name = format!("{id}-{name}");
            names.insert(name.clone());
        }
        files.push((id, name));
    }
    Ok(files)
}

fn file_ids(resources: ToolResources) -> Vec<String> {
    let code_interpreter = resources.code_interpreter;
    code_interpreter
        .and_then(|code_interpreter| code_interpreter.file_ids)
        .unwrap_or_default()
}

/// Returns the last part of a name, which names a file in whichever folder; the id if there is none.
fn plain_name(filename: &str, id: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    if matches!(name.as_str(), "" | "." | "..") {
        id.to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        for (filename, want) in [
            ("data.csv", "data.csv"),
            ("../../etc/passwd", "passwd"),
            ("C:\\a\\b.txt", "b.txt"),
            ("..", "file-1"),
            ("a/", "file-1"),
            ("a\nb", "ab"),
        ] {
            assert_eq!(plain_name(filename, "file-1"), want, "{filename}");
        }
    }
}
