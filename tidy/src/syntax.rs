//! Questions about single pieces of syntax.

use crate::source::Visibility;
use proc_macro2::Span;
use syn::{Attribute, Meta, UseTree, spanned::Spanned};

pub fn line(span: Span) -> usize {
    span.start().line
}

/// Where a function starts, its attributes left out.
pub fn start(visibility: &syn::Visibility, signature: &syn::Signature) -> Span {
    match visibility {
        syn::Visibility::Inherited => signature.span(),
        syn::Visibility::Public(_) | syn::Visibility::Restricted(_) => visibility.span(),
    }
}

pub fn seen_by(visibility: &syn::Visibility) -> Visibility {
    match visibility {
        syn::Visibility::Public(_) => Visibility::Rooms,
        syn::Visibility::Restricted(to) if to.path.is_ident("crate") => Visibility::Rooms,
        syn::Visibility::Restricted(_) | syn::Visibility::Inherited => Visibility::Inside,
    }
}

/// `#[cfg(test)]`, or `all(…)` with it.
pub fn is_cfg_test(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    let mut words = condition.split(|c: char| !c.is_alphanumeric());
    list.path.is_ident("cfg")
        && (condition == "test" || condition.starts_with("all"))
        && words.any(|word| word == "test")
        && !condition.contains("not")
}

pub fn attributes(item: &syn::Item) -> &[Attribute] {
    use syn::Item as I;
    match item {
        I::Const(i) => &i.attrs,
        I::Enum(i) => &i.attrs,
        I::ExternCrate(i) => &i.attrs,
        I::Fn(i) => &i.attrs,
        I::ForeignMod(i) => &i.attrs,
        I::Impl(i) => &i.attrs,
        I::Macro(i) => &i.attrs,
        I::Mod(i) => &i.attrs,
        I::Static(i) => &i.attrs,
        I::Struct(i) => &i.attrs,
        I::Trait(i) => &i.attrs,
        I::TraitAlias(i) => &i.attrs,
        I::Type(i) => &i.attrs,
        I::Union(i) => &i.attrs,
        I::Use(i) => &i.attrs,
        _ => &[],
    }
}

/// One name of an import.
pub struct Leaf {
    pub path: Vec<String>,
    /// The name here; `*` for all names of a module.
    pub name: String,
    pub span: Span,
}

pub fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let leaf = |ident: &syn::Ident, name: &syn::Ident| {
        let path = if ident == "self" { vec![] } else { vec![ident.to_string()] };
        vec![Leaf { path, name: name.to_string(), span: ident.span() }]
    };
    match tree {
        UseTree::Name(one) => leaf(&one.ident, &one.ident),
        UseTree::Rename(one) => leaf(&one.ident, &one.rename),
        UseTree::Glob(all) => {
            vec![Leaf { path: vec!["*".into()], name: "*".into(), span: all.span() }]
        }
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let mut below = leaves(&path.tree);
            for leaf in &mut below {
                leaf.path.insert(0, first.clone());
                if leaf.name == "self" {
                    leaf.name.clone_from(&first);
                }
            }
            below
        }
    }
}

/// Resolves `self` and `super` in a path that stands in `module`.
pub fn resolve(module: &[String], path: Vec<String>) -> Vec<String> {
    // The program is a crate of its own, whose library is the server.
    if module == ["main"] && path.first().is_some_and(|first| first == "onecard") {
        return [vec!["crate".to_owned()], path[1..].to_vec()].concat();
    }
    let mut here = module.to_vec();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|first| first == "super") {
                here.pop();
                rest = &rest[1..];
            }
        }
        _ => return path,
    }
    [vec!["crate".to_owned()], here, rest.to_vec()].concat()
}
