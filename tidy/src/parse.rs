//! Reads a source file into a [`Source`].

use crate::{
    columns,
    source::{Function, Item, Kind, Literal, Mention, Role, Source, module_of},
    syntax::{attributes, is_cfg_test, leaves, line, resolve, seen_by, start},
};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::{Attribute, Expr, Lit, Meta, UseTree, spanned::Spanned, visit::Visit};

/// Attributes that make a function answer a path.
const HANDLERS: [&str; 5] = ["delete", "get", "patch", "post", "put"];
/// Calls that write to the table that is their first argument.
const WRITES: [&str; 2] = ["insert_rows", "update_rows"];

/// Parses the text of a file; what is compiled for tests only is left out.
pub fn parse(path: &str, text: &str) -> syn::Result<Source> {
    let file = syn::parse_file(text)?;
    let module = module_of(path);
    let source = Source {
        path: path.to_owned(),
        module: module.clone(),
        lines: text.lines().count(),
        ..Source::default()
    };
    let mut reader = Reader { source, module, inline: Vec::new(), blocks: 0, open: Vec::new() };
    reader.visit_file(&file);
    Ok(reader.source)
}

struct Reader {
    source: Source,
    /// Where the reader is, inline modules included.
    module: Vec<String>,
    /// The inline modules alone.
    inline: Vec<String>,
    /// How many blocks the reader is in.
    blocks: usize,
    /// The functions that the reader is in, by their places in the source.
    open: Vec<usize>,
}

impl Reader {
    /// Notes a path, with `self` and `super` resolved.
    fn mention(&mut self, path: Vec<String>, span: Span) {
        let path = resolve(&self.module, path);
        self.source.mentions.push(Mention { path, line: line(span) });
    }

    fn literal(&mut self, text: String, span: Span, role: Role) {
        // Attributes name functions in strings: `#[serde(with = "crate::…")]`.
        if ["crate::", "super::"].iter().any(|start| text.starts_with(start)) {
            self.mention(text.split("::").map(str::to_owned).collect(), span);
        }
        self.sets(columns::set_by_sql(&text));
        self.source.literals.push(Literal { text, line: line(span), role });
    }

    /// Notes that the innermost function sets columns.
    fn sets(&mut self, columns: impl IntoIterator<Item = (String, String)>) {
        if let Some(function) = self.open.last() {
            self.source.functions[*function].sets.extend(columns);
        }
    }

    fn item(&mut self, name: String, kind: Kind, visibility: &syn::Visibility) {
        if self.blocks == 0 {
            let visibility = seen_by(visibility);
            let module = self.module.clone();
            self.source.items.push(Item { module, name, kind, visibility });
        }
    }

    fn function(
        &mut self,
        signature: &syn::Signature,
        start: Span,
        end: Span,
        attrs: &[Attribute],
    ) {
        let handler = attrs.iter().any(|a| HANDLERS.iter().any(|name| a.path().is_ident(name)));
        let lines = (end.end().line + 1).saturating_sub(line(start));
        let name = signature.ident.to_string();
        let takes = columns::names_in(&signature.inputs);
        let sets = BTreeSet::new();
        self.open.push(self.source.functions.len());
        self.source.functions.push(Function { name, lines, handler, takes, sets });
    }

    /// Notes that lines are a test's and true if they are.
    fn is_test(&mut self, attrs: &[Attribute], span: Span) -> bool {
        let test = attrs.iter().any(is_cfg_test);
        if test {
            let first = attrs.iter().map(|a| line(a.span())).min().unwrap_or(line(span));
            self.source.lines -= span.end().line + 1 - first.min(line(span));
        }
        test
    }

    /// Visits an expression; a string literal has the role.
    fn visit_as(&mut self, expr: &Expr, role: Role) {
        if let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = expr {
            self.literal(text.value(), text.span(), role);
        } else {
            self.visit_expr(expr);
        }
    }

    fn table_of_migration(&mut self, call: &syn::ExprMethodCall) {
        for argument in &call.args {
            match argument {
                Expr::Call(alias) => alias.args.iter().for_each(|a| self.visit_as(a, Role::Table)),
                other => self.visit_expr(other),
            }
        }
    }

    /// Notes paths, identifiers and literals among the tokens of a macro or an attribute.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut start, mut colons) = (Span::call_site(), 0);
        let mut named = String::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    self.source.words.insert(name.clone());
                    named.clone_from(&name);
                    if colons != 2 {
                        self.end_path(&mut path, start);
                        start = ident.span();
                    }
                    path.push(name);
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    if colons == 2 && group.delimiter() == Delimiter::Brace {
                        self.imported(&path, group.stream(), start);
                    }
                    (path, colons) = (self.ended(path, start), 0);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(literal) => {
                    (path, colons) = (self.ended(path, start), 0);
                    if let Ok(Lit::Str(text)) = syn::parse_str(&literal.to_string()) {
                        // An entity: `#[sea_orm(table_name = "…")]`.
                        let role = if named == "table_name" { Role::Table } else { Role::Other };
                        self.literal(text.value(), literal.span(), role);
                    }
                }
                TokenTree::Punct(_) => (path, colons) = (self.ended(path, start), 0),
            }
        }
        self.end_path(&mut path, start);
    }

    /// An import within tokens: `crate::{…}`.
    fn imported(&mut self, prefix: &[String], group: TokenStream, span: Span) {
        let group = TokenTree::Group(proc_macro2::Group::new(Delimiter::Brace, group));
        if let Ok(tree) = syn::parse2::<UseTree>(group.into()) {
            for leaf in leaves(&tree) {
                self.mention([prefix, &leaf.path].concat(), span);
            }
        }
    }

    fn ended(&mut self, mut path: Vec<String>, span: Span) -> Vec<String> {
        self.end_path(&mut path, span);
        path
    }

    fn end_path(&mut self, path: &mut Vec<String>, span: Span) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.mention(path, span);
        }
    }

    fn module(&mut self, module: &syn::ItemMod) {
        let name = module.ident.to_string();
        self.item(name.clone(), Kind::Module, &module.vis);
        self.module.push(name.clone());
        self.inline.push(name);
        syn::visit::visit_item_mod(self, module);
        self.inline.pop();
        self.module.pop();
    }

    fn import(&mut self, import: &syn::ItemUse) {
        for leaf in leaves(&import.tree) {
            let path = resolve(&self.module, leaf.path);
            self.item(leaf.name, Kind::ReExport(path.clone()), &import.vis);
            self.source.mentions.push(Mention { path, line: line(leaf.span) });
        }
    }

    /// A type that a macro declares: the name that it is called with.
    fn declared(&mut self, call: &syn::ItemMacro) {
        let mut idents = call.mac.tokens.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident),
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        });
        let name = idents.next().filter(|name| {
            let name = name.to_string();
            name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
        });
        if let (None, Some(name)) = (&call.ident, name) {
            let public = syn::Visibility::Public(syn::token::Pub::default());
            self.item(name.to_string(), Kind::Type, &public);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item as I;
        if self.is_test(attributes(item), item.span()) {
            if let I::Mod(module) = item
                && module.content.is_none()
            {
                let name = module.ident.to_string();
                self.source.test_modules.push([self.inline.clone(), vec![name]].concat());
            }
            return;
        }
        let mut declare = |ident: &syn::Ident, kind, vis: &syn::Visibility| {
            self.item(ident.to_string(), kind, vis);
        };
        match item {
            I::Fn(f) => {
                declare(&f.sig.ident, Kind::Function, &f.vis);
                self.function(&f.sig, start(&f.vis, &f.sig), f.block.span(), &f.attrs);
            }
            I::Struct(i) => declare(&i.ident, Kind::Type, &i.vis),
            I::Enum(i) => declare(&i.ident, Kind::Type, &i.vis),
            I::Union(i) => declare(&i.ident, Kind::Type, &i.vis),
            I::Trait(i) => declare(&i.ident, Kind::Type, &i.vis),
            I::Type(i) => declare(&i.ident, Kind::Type, &i.vis),
            I::Const(i) => declare(&i.ident, Kind::Value, &i.vis),
            I::Static(i) => declare(&i.ident, Kind::Value, &i.vis),
            I::Use(import) => self.import(import),
            I::Macro(call) => self.declared(call),
            I::Mod(module) => return self.module(module),
            _ => {}
        }
        syn::visit::visit_item(self, item);
        if matches!(item, I::Fn(_)) {
            self.open.pop();
        }
    }

    fn visit_impl_item_fn(&mut self, f: &'ast syn::ImplItemFn) {
        if !self.is_test(&f.attrs, f.span()) {
            self.function(&f.sig, start(&f.vis, &f.sig), f.block.span(), &f.attrs);
            syn::visit::visit_impl_item_fn(self, f);
            self.open.pop();
        }
    }

    fn visit_trait_item_fn(&mut self, f: &'ast syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.function(&f.sig, f.sig.span(), block.span(), &f.attrs);
        }
        syn::visit::visit_trait_item_fn(self, f);
        if f.default.is_some() {
            self.open.pop();
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.blocks += 1;
        syn::visit::visit_block(self, block);
        self.blocks -= 1;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if names.len() > 1 {
            self.mention(names, path.span());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.source.words.insert(ident.to_string());
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.literal(text.value(), text.span(), Role::Other);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc") {
            syn::visit::visit_attribute(self, attribute);
            if let Meta::List(list) = &attribute.meta {
                self.tokens(list.tokens.clone());
            }
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        self.visit_path(&made.path);
        self.sets(columns::set_by_struct(made));
        let is = |name| made.path.segments.iter().any(|segment| segment.ident == name);
        let label = is("DbError") || is("Aad");
        for field in &made.fields {
            let role = match &field.member {
                _ if label => Role::Label,
                syn::Member::Named(name) if name == "table" => Role::Table,
                syn::Member::Named(name) if name == "from" && is("Question") => Role::From,
                syn::Member::Named(_) | syn::Member::Unnamed(_) => Role::Other,
            };
            self.visit_member(&field.member);
            self.visit_as(&field.expr, role);
        }
        if let Some(rest) = &made.rest {
            self.visit_expr(rest);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let method = call.method.to_string();
        self.sets(columns::set_by_call(call));
        self.visit_expr(&call.receiver);
        self.visit_ident(&call.method);
        if let Some(generics) = &call.turbofish {
            self.visit_angle_bracketed_generic_arguments(generics);
        }
        let (first, others) = match method.as_str() {
            name if WRITES.contains(&name) => (Role::Table, Role::Other),
            // A migration: `.table(Alias::new("…"))`.
            "table" => return self.table_of_migration(call),
            name if name.starts_with("try_get") => (Role::Label, Role::Label),
            _ => (Role::Other, Role::Other),
        };
        for (n, argument) in call.args.iter().enumerate() {
            self.visit_as(argument, if n == 0 { first } else { others });
        }
    }
}
