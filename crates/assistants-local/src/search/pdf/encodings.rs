//! What the codes and the glyph names of simple fonts stand for (ISO 32000-1, annex D).

/// An encoding of one byte that is among those that a font may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Standard,
    WinAnsi,
    MacRoman,
}

/// From 0x80 on; a dot is a code that stands for nothing.
const WIN_ANSI: &str = "€.‚ƒ„…†‡ˆ‰Š‹Œ.Ž..‘’“”•–—˜™š›œ.žŸ";

/// From 0x80 on.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨.ÆØ.±..¥µ.....ªº.æø¿¡¬.ƒ..«»… ÀÃÕŒœ–—“”‘’÷.ÿŸ⁄¤‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ.ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// From 0xa0 on.
const STANDARD: &str =
    ".¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ.–†‡·.¶•‚„”»…‰.¿.`´ˆ˜¯˘˙¨.˚¸.˝˛ˇ—................Æ.ª....ŁØŒº.....æ...ı..łøœß....";

/// From 0x20 on, and from 0xa0 on.
const ASCII_NAMES: &str = "space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright \
    asterisk plus comma hyphen period slash zero one two three four five six seven eight nine colon semicolon less \
    equal greater question at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z bracketleft backslash bracketright \
    asciicircum underscore grave a b c d e f g h i j k l m n o p q r s t u v w x y z braceleft bar braceright asciitilde";
const LATIN_NAMES: &str = "nbspace exclamdown cent sterling currency yen brokenbar section dieresis copyright \
    ordfeminine guillemotleft logicalnot softhyphen registered macron degree plusminus twosuperior threesuperior acute \
    mu paragraph periodcentered cedilla onesuperior ordmasculine guillemotright onequarter onehalf threequarters \
    questiondown Agrave Aacute Acircumflex Atilde Adieresis Aring AE Ccedilla Egrave Eacute Ecircumflex Edieresis Igrave \
    Iacute Icircumflex Idieresis Eth Ntilde Ograve Oacute Ocircumflex Otilde Odieresis multiply Oslash Ugrave Uacute \
    Ucircumflex Udieresis Yacute Thorn germandbls agrave aacute acircumflex atilde adieresis aring ae ccedilla egrave \
    eacute ecircumflex edieresis igrave iacute icircumflex idieresis eth ntilde ograve oacute ocircumflex otilde \
    odieresis divide oslash ugrave uacute ucircumflex udieresis yacute thorn ydieresis";

/// Others that are common.
const NAMES: &[(&str, &str)] = &[
    ("Euro", "€"),
    ("Lslash", "Ł"),
    ("OE", "Œ"),
    ("Scaron", "Š"),
    ("Ydieresis", "Ÿ"),
    ("Zcaron", "Ž"),
    ("bullet", "•"),
    ("dagger", "†"),
    ("daggerdbl", "‡"),
    ("dotlessi", "ı"),
    ("ellipsis", "…"),
    ("emdash", "—"),
    ("endash", "–"),
    ("ff", "ff"),
    ("ffi", "ffi"),
    ("ffl", "ffl"),
    ("fi", "fi"),
    ("fl", "fl"),
    ("florin", "ƒ"),
    ("fraction", "⁄"),
    ("guilsinglleft", "‹"),
    ("guilsinglright", "›"),
    ("lslash", "ł"),
    ("minus", "−"),
    ("oe", "œ"),
    ("perthousand", "‰"),
    ("quotedblbase", "„"),
    ("quotedblleft", "“"),
    ("quotedblright", "”"),
    ("quoteleft", "‘"),
    ("quoteright", "’"),
    ("quotesinglbase", "‚"),
    ("scaron", "š"),
    ("trademark", "™"),
    ("zcaron", "ž"),
];

/// The character of a code.
pub(super) fn character(base: Base, code: u8) -> Option<char> {
    let (table, first) = match base {
        Base::Standard => (STANDARD, 0xa0),
        Base::WinAnsi => (WIN_ANSI, 0x80),
        Base::MacRoman => (MAC_ROMAN, 0x80),
    };
    match code {
        b'\'' if base == Base::Standard => Some('’'),
        b'`' if base == Base::Standard => Some('‘'),
        b' '..=b'~' => Some(char::from(code)),
        0xa0.. if base == Base::WinAnsi => Some(char::from(code)),
        _ => {
            let index = usize::from(code.checked_sub(first)?);
            table.chars().nth(index).filter(|character| *character != '.')
        }
    }
}

/// What a glyph of that name stands for.
pub(super) fn glyph(name: &str) -> Option<String> {
    // What stands behind a dot tells variants of a glyph apart.
    let name = name.split('.').next().filter(|name| !name.is_empty())?;
    if name.contains('_') {
        return name.split('_').map(glyph).collect();
    }
    let listed = |names: &str, first: u8| {
        let index = names.split_ascii_whitespace().position(|known| known == name)?;
        Some(char::from(first.checked_add(u8::try_from(index).ok()?)?))
    };
    if let Some(character) = listed(ASCII_NAMES, b' ').or_else(|| listed(LATIN_NAMES, 0xa0)) {
        return Some(character.to_string());
    }
    if let Some((_, text)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some((*text).to_owned());
    }
    let code = |digits: &str| char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    if let Some(digits) = name.strip_prefix("uni").and_then(|digits| digits.get(..4)) {
        return code(digits).map(String::from);
    }
    if let Some(number) = name.strip_prefix("afii").and_then(|number| number.parse().ok()) {
        return cyrillic(number).map(String::from);
    }
    let digits = name
        .strip_prefix('u')
        .filter(|digits| (4..=6).contains(&digits.len()))?;
    code(digits).map(String::from)
}

/// The letters that Adobe numbered, with Ё behind Е.
fn cyrillic(number: u32) -> Option<char> {
    let (index, first, io) = match number {
        10_017..=10_049 => (number - 10_017, 'А', 'Ё'),
        10_065..=10_097 => (number - 10_065, 'а', 'ё'),
        _ => return None,
    };
    match index {
        0..6 => char::from_u32(u32::from(first) + index),
        6 => Some(io),
        _ => char::from_u32(u32::from(first) + index - 1),
    }
}
