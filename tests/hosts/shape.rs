//! A component's bytes → the shapes of its functions' arguments and results,
//! and values turned into them: a case has the service's JSON, a host the WIT's
//! names and documents as text.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, Type, TypeDefKind, WorldItem};

/// A WIT type, as drivers are told it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Bool,
    /// Up to 32 bits.
    Integer,
    /// 64 bits, for languages whose numbers have fewer.
    Long,
    Float,
    Text,
    /// JSON as text.
    Document,
    List(Box<Shape>),
    Option(Box<Shape>),
    Record(Vec<(String, Shape)>),
    Enum(Vec<String>),
    /// Each case with its payload.
    Variant(Vec<(String, Option<Shape>)>),
}

/// One exported function.
#[derive(Clone, Debug, Serialize)]
pub struct Signature {
    pub interface: String,
    pub function: String,
    pub parameters: Vec<(String, Shape)>,
    pub ok: Shape,
    /// None: it answers a value that is no `result`.
    pub error: Option<Shape>,
}

/// The functions that a component exports, by name.
pub fn signatures(component: &[u8]) -> BTreeMap<String, Signature> {
    let DecodedWasm::Component(resolve, world) = decode(component).unwrap() else {
        panic!("a WIT package is not a component");
    };
    let exports = resolve.worlds[world].exports.values();
    let interfaces = exports.filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    });
    interfaces
        .flat_map(|id| {
            let interface = resolve.id_of(id).unwrap();
            let functions = resolve.interfaces[id].functions.values();
            functions
                .map(|function| {
                    let parameters = function.params.iter();
                    let answer = function.result.unwrap();
                    let (ok, error) = match kind(&resolve, answer) {
                        TypeDefKind::Result(result) => (result.ok.unwrap(), result.err),
                        _ => (answer, None),
                    };
                    let signature = Signature {
                        interface: interface.clone(),
                        function: function.name.clone(),
                        parameters: parameters
                            .map(|parameter| {
                                (parameter.name.clone(), shape(&resolve, parameter.ty))
                            })
                            .collect(),
                        ok: shape(&resolve, ok),
                        error: error.map(|error| shape(&resolve, error)),
                    };
                    (function.name.clone(), signature)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn kind(resolve: &Resolve, of: Type) -> &TypeDefKind {
    let Type::Id(id) = of else {
        panic!("{of:?} has no definition");
    };
    &resolve.types[id].kind
}

fn shape(resolve: &Resolve, of: Type) -> Shape {
    let of = match of {
        Type::Id(id) => id,
        Type::Bool => return Shape::Bool,
        Type::U8 | Type::U16 | Type::U32 | Type::S8 | Type::S16 | Type::S32 => {
            return Shape::Integer;
        }
        Type::U64 | Type::S64 => return Shape::Long,
        Type::F32 | Type::F64 => return Shape::Float,
        Type::String => return Shape::Text,
        other => panic!("no case uses {other:?}"),
    };
    let boxed = |of: Type| Box::new(shape(resolve, of));
    match &resolve.types[of].kind {
        TypeDefKind::Type(Type::String)
            if matches!(named(resolve, of), Some("document" | "settings")) =>
        {
            Shape::Document
        }
        // `use types.{document}` is a name for that name.
        TypeDefKind::Type(of) => shape(resolve, *of),
        TypeDefKind::List(of) => Shape::List(boxed(*of)),
        TypeDefKind::Option(of) => Shape::Option(boxed(*of)),
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            Shape::Record(
                fields
                    .map(|field| (field.name.clone(), shape(resolve, field.ty)))
                    .collect(),
            )
        }
        TypeDefKind::Enum(of) => {
            Shape::Enum(of.cases.iter().map(|case| case.name.clone()).collect())
        }
        TypeDefKind::Variant(of) => Shape::Variant(
            of.cases
                .iter()
                .map(|case| (case.name.clone(), case.ty.map(|of| shape(resolve, of))))
                .collect(),
        ),
        other => panic!("no case uses {}", other.as_str()),
    }
}

fn named(resolve: &Resolve, id: wit_parser::TypeId) -> Option<&str> {
    resolve.types[id].name.as_deref()
}

impl Signature {
    /// A case's input, an object, → the arguments in their order.
    pub fn arguments(&self, input: &Value) -> Vec<Value> {
        let given = input.as_object().unwrap();
        let known = |name: &String| {
            let mut names = self.parameters.iter().map(|(name, _)| snake(name));
            assert!(
                names.any(|known| known == *name),
                "{} has no parameter {name}",
                self.function
            );
        };
        given.keys().for_each(known);
        let parameters = self.parameters.iter();
        parameters
            .map(|(name, shape)| shape.lower(given.get(&snake(name)).unwrap_or(&Value::Null)))
            .collect()
    }
}

impl Shape {
    /// A case's value → the host's: the WIT's names, documents as text, every
    /// option there.
    pub fn lower(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Document, Value::Object(_)) => Value::String(value.to_string()),
            (Self::List(of), Value::Array(values)) => {
                values.iter().map(|value| of.lower(value)).collect()
            }
            (Self::Option(_), Value::Null) => Value::Null,
            (Self::Option(of), value) => of.lower(value),
            (Self::Record(fields), Value::Object(given)) => {
                for name in given.keys() {
                    let known = fields.iter().any(|(known, _)| snake(known) == *name);
                    assert!(known, "there is no field {name}");
                }
                let null = Value::Null;
                let lowered = fields.iter().map(|(name, shape)| {
                    let value = given.get(&snake(name)).unwrap_or(&null);
                    (name.clone(), shape.lower(value))
                });
                Value::Object(lowered.collect())
            }
            (Self::Enum(_) | Self::Variant(_), Value::String(case)) => Value::String(kebab(case)),
            (Self::Variant(cases), Value::Object(given)) => {
                let (case, payload) = given.iter().next().unwrap();
                let case = kebab(case);
                let shape = payload_of(cases, &case);
                Value::Object(Map::from_iter([(case, shape.lower(payload))]))
            }
            (
                Self::Bool | Self::Integer | Self::Long | Self::Float | Self::Text | Self::Document,
                value,
            ) if !value.is_null() => value.clone(),
            (shape, value) => panic!("{value} is no {shape:?}"),
        }
    }

    /// The host's value → the case's; an option without a value is left out.
    /// Names may be the case's already.
    pub fn lift(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Document, Value::String(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| value.clone())
            }
            (Self::List(of), Value::Array(values)) => {
                values.iter().map(|value| of.lift(value)).collect()
            }
            (Self::Option(of), value) if !value.is_null() => of.lift(value),
            (Self::Record(fields), Value::Object(given)) => {
                let present = fields.iter().filter_map(|(name, shape)| {
                    let value = given.get(name).or_else(|| given.get(&snake(name)));
                    let value = value.filter(|value| !value.is_null())?;
                    Some((snake(name), shape.lift(value)))
                });
                Value::Object(present.collect())
            }
            (Self::Enum(_) | Self::Variant(_), Value::String(case)) => Value::String(snake(case)),
            (Self::Variant(cases), Value::Object(given)) => {
                let (case, payload) = given.iter().next().unwrap();
                let shape = payload_of(cases, &kebab(case));
                Value::Object(Map::from_iter([(snake(case), shape.lift(payload))]))
            }
            // Languages print whole numbers with a fraction, or without.
            (Self::Float, Value::Number(number)) => number.as_f64().unwrap().into(),
            (_, value) => value.clone(),
        }
    }
}

fn payload_of<'a>(cases: &'a [(String, Option<Shape>)], case: &str) -> &'a Shape {
    let found = cases.iter().find(|(known, _)| known == case);
    let (_, payload) = found.unwrap_or_else(|| panic!("there is no case {case}"));
    payload
        .as_ref()
        .unwrap_or_else(|| panic!("{case} has no payload"))
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn kebab(name: &str) -> String {
    name.replace('_', "-")
}
