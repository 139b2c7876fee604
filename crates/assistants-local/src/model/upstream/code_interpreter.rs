//! The code interpreter as a function that the model calls.

use serde_json::{Value, json};

use crate::model::code::CODE_INTERPRETER;
use crate::model::{CodeTool, Function, Output, Stopped};

/// Returns the instructions that introduce the function to the model.
pub(super) fn instructions(tool: &CodeTool) -> String {
    let mut text = "You can execute code with the function code_interpreter. Variables and files are kept between calls. \
        The working directory is /mnt/data. To give the user a file, save it there and link to it in your answer, such as \
        [data.csv](sandbox:/mnt/data/data.csv). Images that are reported as shown need no link."
        .to_owned();
    if !tool.files.is_empty() {
        text.push_str(" The user has provided these files in /mnt/data: ");
        text.push_str(&tool.files.join(", "));
        text.push('.');
    }
    text
}

/// Returns the function to offer.
pub(super) fn function() -> Function {
    let mut function = Function::new(CODE_INTERPRETER);
    function.description = Some(
        "Executes Python code, and returns what it prints. Print what you want to know: the value of the last expression is \
         not shown by itself. There is no network."
            .to_owned(),
    );
    function.parameters = Some(json!({
        "type": "object",
        "properties": {"code": {"type": "string"}},
        "required": ["code"],
        "additionalProperties": false,
    }));
    function
}

/// Returns the code of a call. Models also write code where JSON is expected.
fn code(arguments: &str) -> String {
    match serde_json::from_str(arguments) {
        Ok(Value::String(code)) => code,
        Ok(Value::Object(arguments)) => {
            let code = arguments.get("code").or_else(|| arguments.get("input"));
            code.and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Ok(_) => String::new(),
        Err(_) if arguments.trim_start().starts_with('{') => String::new(),
        Err(_) => arguments.to_owned(),
    }
}

/// Performs a call, and returns the output for the model.
pub(super) fn perform(arguments: &str, output: &mut Output<'_>) -> Result<String, Stopped> {
    let code = code(arguments);
    if code.trim().is_empty() {
        return Ok("The function needs code: {\"code\": \"…\"}.".to_owned());
    }
    Ok(output.code_interpreter(&code)?.for_model())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_code_in_whichever_form() {
        for (arguments, want) in [
            (r#"{"code":"print(1)"}"#, "print(1)"),
            (r#"{"input":"print(1)"}"#, "print(1)"),
            (r#""print(1)""#, "print(1)"),
            ("print(1)", "print(1)"),
            (r#"{"code":"print(1"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(code(arguments), want, "{arguments}");
        }
    }
}
