//! Files that need each other, directly or through others.
//!
//! A file needs another when it names an item that the other defines, in a `use`
//! or in a path. Names are followed through re-exports to where they are
//! defined. What a file takes from the `mod.rs` above it doesn't count: a folder
//! is one module, its `mod.rs` holds what the files in it share, and may use
//! them. So two files of a folder are in a circle when they need each other, and
//! so are files of different folders, however long the way.
//! Unit tests and what only they use are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module: the names from the root of the crate.
type Module = Vec<String>;

/// What a file says.
#[derive(Default)]
struct File {
    /// As it is told, `render/json/mod.rs`.
    path: String,
    /// Names that `use` brings in, with the path of each.
    imports: BTreeMap<String, Vec<String>>,
    /// The same for `pub use`: others reach these names through this file.
    exports: BTreeMap<String, Vec<String>>,
    /// Paths outside of `use`, names without a path among them.
    paths: BTreeSet<Vec<String>>,
}

/// The files below `source`, those of each circle together.
pub(crate) fn circles(source: &Path) -> Vec<Vec<String>> {
    let files = read(source, source);
    let needs = needs(&files);
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = files
        .keys()
        .map(|module| (module, reached_from(module, &needs)))
        .collect();
    let mut circles = BTreeSet::new();
    for (module, others) in &reached {
        if !others.contains(module) {
            continue;
        }
        let circle = others
            .iter()
            .filter(|other| reached[**other].contains(*module));
        let paths: Vec<String> = circle.map(|other| files[*other].path.clone()).collect();
        circles.insert(paths);
    }
    circles.into_iter().collect()
}

/// What a file reaches by needing, itself only through others.
fn reached_from<'a>(
    module: &Module,
    needs: &'a BTreeMap<Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = needs[module].iter().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&needs[next]);
        }
    }
    reached
}

fn needs(files: &BTreeMap<Module, File>) -> BTreeMap<Module, BTreeSet<Module>> {
    let needs_of = |(module, file): (&Module, &File)| {
        let imported = file.imports.values();
        // A name that is re-exported and used here too is needed.
        let used = file
            .exports
            .iter()
            .filter(|(name, _)| file.paths.iter().any(|path| path.first() == Some(*name)));
        let used = used.map(|(_, path)| path);
        let named = imported.chain(used).chain(&file.paths);
        let found = named.filter_map(|path| defined_in(path, module, files, 0));
        let needed = found.filter(|found| !module.starts_with(found)).collect();
        (module.clone(), needed)
    };
    files.iter().map(needs_of).collect()
}

/// The file that defines what a path names; `None` for a module as a whole, for
/// another crate's item, and for what has no path.
fn defined_in(
    path: &[String],
    from: &Module,
    files: &BTreeMap<Module, File>,
    depth: usize,
) -> Option<Module> {
    let (first, mut rest) = path.split_first()?;
    let mut module = match first.as_str() {
        "crate" => Module::new(),
        "self" => from.clone(),
        "super" => from.split_last()?.1.to_vec(),
        name => {
            let file = &files[from];
            let imported = file.imports.get(name).or_else(|| file.exports.get(name));
            if let Some(imported) = imported.filter(|_| depth < 8) {
                if rest.is_empty() || imported.first().map(String::as_str) == Some(name) {
                    return None;
                }
                let whole = [imported.as_slice(), rest].concat();
                return defined_in(&whole, from, files, depth + 1);
            }
            let child = child(from, name);
            files.contains_key(&child).then_some(child)?
        }
    };
    while let Some((name, after)) = rest.split_first() {
        let next = child(&module, name);
        if name == "super" {
            module.pop();
        } else if files.contains_key(&next) {
            module = next;
        } else if let Some(export) = files.get(&module)?.exports.get(name).filter(|_| depth < 8) {
            let whole = [export.as_slice(), after].concat();
            return defined_in(&whole, &module, files, depth + 1);
        } else {
            return Some(module);
        }
        rest = after;
    }
    None
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

/// Every file but those of tests.
fn read(directory: &Path, source: &Path) -> BTreeMap<Module, File> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("readable").path();
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if stem == "tests" || stem == "testing" {
            continue;
        }
        if path.is_dir() {
            files.extend(read(&path, source));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(source).expect("below");
            let folders = relative.parent().expect("a folder").iter();
            let mut module: Module = folders
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            let is_root = module.is_empty() && (stem == "lib" || stem == "main");
            if stem != "mod" && !is_root {
                module.push(stem);
            } else if is_root && relative.ends_with("main.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            let mut file = parse(&text);
            file.path = relative.to_string_lossy().into_owned();
            files.insert(module, file);
        }
    }
    files
}

fn parse(text: &str) -> File {
    let tokens = tokens(&without_tests(text));
    let mut file = File::default();
    let mut at = 0;
    let mut is_public = false;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "pub" => {
                is_public = true;
                at += 1;
                // `pub(super)`
                if tokens.get(at).is_some_and(|token| token == "(") {
                    at += tokens[at..]
                        .iter()
                        .take_while(|token| *token != ")")
                        .count()
                        + 1;
                }
                continue;
            }
            "use" => {
                let end = at
                    + tokens[at..]
                        .iter()
                        .take_while(|token| *token != ";")
                        .count();
                let names = if is_public {
                    &mut file.exports
                } else {
                    &mut file.imports
                };
                push_tree(&tokens[at + 1..end], &[], names);
                at = end;
            }
            word if is_word(word) => {
                let mut path = vec![word.to_owned()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|token| is_word(token))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                file.paths.insert(path);
            }
            _ => {}
        }
        is_public = false;
        at += 1;
    }
    file
}

/// The names of `a::{b, c::d as e}`, each with its path.
fn push_tree(tokens: &[String], prefix: &[String], names: &mut BTreeMap<String, Vec<String>>) {
    let mut path = prefix.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                let inside = &tokens[at + 1..tokens.len().saturating_sub(1)];
                for branch in branches(inside) {
                    push_tree(branch, &path, names);
                }
                return;
            }
            "as" => {
                names.insert(tokens[at + 1].clone(), path);
                return;
            }
            "::" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    // `a::{self}` is `a`.
    if path.len() > prefix.len() && path.last().is_some_and(|last| last == "self") && path.len() > 1
    {
        path.pop();
    }
    if let Some(last) = path.last() {
        names.insert(last.clone(), path);
    }
}

/// What stands between the commas that are in no braces.
fn branches(tokens: &[String]) -> Vec<&[String]> {
    let mut depth = 0;
    let is_comma = |token: &String| {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        token == "," && depth == 0
    };
    let parts = tokens.split(is_comma);
    parts.filter(|part| !part.is_empty()).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphabetic() || character == '_')
}

/// The text before the unit tests.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let next = lines.next().unwrap_or_default();
            // Unit tests are the end of a file; anything else is one item.
            if next.starts_with("mod ") && next.ends_with('{') {
                break;
            }
            if !next.ends_with(';') {
                for line in lines.by_ref() {
                    if line.starts_with('}') {
                        break;
                    }
                }
            }
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Words, `::` and single signs; comments and texts left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            text_length(rest)
        } else if is_word(rest) {
            let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_');
            let end = end.unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a text in quotes, with them.
fn text_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn a_circle_is_seen_and_a_parent_that_re_exports_is_none() {
    let source = tempfile::tempdir().expect("a directory");
    let write = |path: &str, text: &str| {
        let path = source.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    write("lib.rs", "mod one;\nmod two;\nmod house;\n");
    write(
        "one.rs",
        "use crate::two::{Two, Three as Third};\npub struct One;\n",
    );
    write("two.rs", "pub struct Two; // crate::one::One\n");
    write(
        "house/mod.rs",
        "mod kitchen;\nmod cellar;\npub use kitchen::Kitchen;\npub use self::cellar::Cellar;\n",
    );
    write(
        "house/kitchen.rs",
        "use super::Cellar;\npub struct Kitchen;\n",
    );
    write(
        "house/cellar.rs",
        "pub struct Cellar;\n#[cfg(test)]\nmod tests {\n    use crate::house::Kitchen;\n}\n",
    );
    assert_eq!(circles(source.path()), [] as [Vec<String>; 0]);
    write(
        "two.rs",
        "pub struct Two;\nfn two() -> &'static str { \"crate::one::One\" }\n",
    );
    write(
        "house/mod.rs",
        "mod kitchen;\nmod cellar;\npub use cellar::Cellar;\npub struct Roof(kitchen::Kitchen);\n",
    );
    write(
        "house/kitchen.rs",
        "use super::Roof;\npub struct Kitchen(Box<Roof>, super::Cellar);\n",
    );
    assert_eq!(
        circles(source.path()),
        [] as [Vec<String>; 0],
        "a folder is one module"
    );
    write(
        "house/cellar.rs",
        "use crate::one;\npub struct Cellar(one::One);\n",
    );
    write("two.rs", "pub struct Two(crate::house::Cellar);\n");
    assert_eq!(
        circles(source.path()),
        [["house/cellar.rs", "one.rs", "two.rs"]]
    );
    write(
        "house/cellar.rs",
        "pub struct Cellar(super::kitchen::Kitchen);\n",
    );
    assert_eq!(
        circles(source.path()),
        [["house/cellar.rs", "house/kitchen.rs"]]
    );
}
