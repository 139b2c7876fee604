//! The text of PDF files (ISO 32000-1), as far as it can be copied out of a viewer: no pictures, no forms.
//!
//! A file may come from anybody. So nothing here recurses deeper than a fixed depth or trusts a length, and everything
//! that takes time or memory is paid out of one [`Budget`], which ends the reading of a file that asks for too much.
//! Objects are found by looking through the file from its start: what the cross-reference table says is not needed.

mod encodings;
mod file;
mod filters;
mod font;
mod lexer;
mod page;

use std::cell::Cell;

use self::file::File;
use super::Unreadable;

/// The longest text of a file, in bytes.
const LONGEST_TEXT: usize = 32 * 1024 * 1024;

/// What a file may cost: about one for each byte that is looked at, unpacked or written. A few seconds of work.
const BUDGET: usize = 512 * 1024 * 1024;

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Damaged(String),
    Unsupported(String),
    TooMuch,
}

/// What may still be spent on a file.
#[derive(Debug)]
struct Budget(Cell<usize>);

impl Budget {
    fn spend(&self, cost: usize) -> Result<(), Fault> {
        let left = self.0.get().checked_sub(cost).ok_or(Fault::TooMuch)?;
        self.0.set(left);
        Ok(())
    }
}

/// The text of a PDF file, its pages one below the other.
pub(super) fn text_of(bytes: &[u8]) -> Result<String, Unreadable> {
    let text = read(bytes, &Budget(Cell::new(BUDGET))).map_err(|fault| match fault {
        Fault::Damaged(what) => Unreadable::Invalid(format!("The PDF is damaged: {what}.")),
        Fault::Unsupported(what) => Unreadable::Unsupported(format!("The PDF cannot be read: {what}.")),
        Fault::TooMuch => Unreadable::Invalid("The PDF takes more work or memory to read than is allowed.".to_owned()),
    })?;
    if text.trim().is_empty() {
        let message = "There is no text in the PDF. Scanned pages need text recognition first.";
        return Err(Unreadable::Invalid(message.to_owned()));
    }
    Ok(text)
}

fn read(bytes: &[u8], budget: &Budget) -> Result<String, Fault> {
    let file = File::open(bytes, budget)?;
    let mut text = page::Text::new(&file);
    file.each_page(|page| text.page(page))?;
    Ok(text.into_string())
}

/// Where `what` begins in `bytes`, from `at` on. The way there is paid for.
fn find(bytes: &[u8], at: usize, what: &[u8], budget: &Budget) -> Result<Option<usize>, Fault> {
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.windows(what.len()).position(|window| window == what);
    budget.spend(found.unwrap_or(rest.len()))?;
    Ok(found.map(|found| at + found))
}

#[cfg(test)]
mod tests;
