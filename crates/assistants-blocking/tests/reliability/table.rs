//! The outcomes as Markdown.

use std::fmt::Write as _;

use crate::Cell;
use crate::calls::{CALLS, Call, Provider};
use crate::cell::Outcome;

/// A table with one row per outcome of a fault, with all calls that share it in one cell.
pub(crate) fn render(outcomes: &[(Cell, Outcome)]) -> String {
    let mut text = String::from("| fault | calls | the caller gets | attempts | in | memory |\n");
    text += "| --- | --- | --- | --- | --- | --- |\n";
    for cells in outcomes.chunk_by(|((one, _), _), ((other, _), _)| one.name == other.name) {
        let mut rows: Vec<(&Outcome, Vec<&Call>)> = Vec::new();
        for ((_, call), outcome) in cells {
            match rows.iter_mut().find(|(known, _)| *known == outcome) {
                Some((_, calls)) => calls.push(call),
                None => rows.push((outcome, vec![call])),
            }
        }
        let all: Vec<&Call> = cells.iter().map(|((_, call), _)| *call).collect();
        let mut name = cells[0].0.0.name;
        for (outcome, calls) in rows {
            let Outcome {
                seen,
                attempts,
                time,
                memory,
                ..
            } = outcome;
            let calls = calls_of(&calls, &all);
            writeln!(text, "| {name} | {calls} | {seen} | {attempts} | {time} | {memory} |")
                .expect("a String takes everything");
            name = "";
        }
    }
    text
}

/// The calls by provider; `all` are those of the fault.
fn calls_of(calls: &[&Call], all: &[&Call]) -> String {
    if calls.len() == all.len() {
        return if all.len() == CALLS.len() { "all" } else { "all streams" }.to_owned();
    }
    let providers = [(Provider::OpenAi, "OpenAI"), (Provider::Yandex, "Yandex")];
    let groups = providers.iter().filter_map(|(provider, title)| {
        let names = |all: &[&Call]| -> Vec<&str> {
            let own = all.iter().filter(|call| call.provider == *provider);
            own.map(|call| call.name).collect()
        };
        let (own, all) = (names(calls), names(all));
        let others: Vec<&str> = all.iter().copied().filter(|name| !own.contains(name)).collect();
        let list = match (own.len(), others.len()) {
            (0, _) => return None,
            (_, 0) => "all".to_owned(),
            (_, 1..=2) if all.len() > 6 => format!("all but {}", others.join(", ")),
            _ => own.join(", "),
        };
        Some(format!("**{title}** {list}"))
    });
    groups.collect::<Vec<_>>().join("; ")
}
