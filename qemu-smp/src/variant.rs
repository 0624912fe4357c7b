// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ABI variant that a program was built for: by name, or from the `gen_config.json` of its build.
//!
//! A build writes all its options into that file: `include/kernel/gen_config.json` of a Microkit SDK's board and
//! configuration, `gen_config/kernel/gen_config.json` of a build directory, `libsel4/include/kernel/gen_config.json`
//! of an installation. A variant is never guessed from a program.

use std::fs;
use std::path::{Path, PathBuf};

use abi::{FpuArea, Variant};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::description::nearest;

/// The name of the file that a build leaves beside its programs.
pub const GEN_CONFIG: &str = "gen_config.json";

/// Why no variant came of what was given.
#[derive(Debug, Error)]
pub enum VariantError {
    /// Neither a name nor a file.
    #[error("there is no ABI variant `{name}`{}\n  expected: {}, or the path of a {GEN_CONFIG}", did_you_mean(.name), names())]
    Unknown {
        /// What was given.
        name: String,
    },
    /// The file cannot be read.
    #[error("{path}: {error}\n  expected: the {GEN_CONFIG} of the build that the program was made with")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is no JSON object.
    #[error("{path}: {what}\n  expected: the JSON object that a build of seL4 writes as {GEN_CONFIG}")]
    Malformed {
        /// Which file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A key that the numbering depends on is not there.
    #[error("{path}: the key `{key}` is missing\n  expected: {expected}")]
    Missing {
        /// Which file.
        path: String,
        /// Which key.
        key: &'static str,
        /// What kind of value.
        expected: &'static str,
    },
    /// A value that no kernel here serves.
    #[error("{path}: `{key}` is {found}\n  expected: {expected}")]
    Unsupported {
        /// Which file.
        path: String,
        /// Which key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// Values that contradict each other.
    #[error("{path}: the options contradict each other\n  expected: {expected}")]
    Contradiction {
        /// Which file.
        path: String,
        /// What would do.
        expected: &'static str,
    },
}

fn names() -> String {
    let names: Vec<&str> = Variant::NAMED.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn did_you_mean(name: &str) -> String {
    nearest(name, Variant::NAMED.iter().map(|(name, _)| *name))
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

/// The variant that `text` names; a path is looked up from `dir`.
pub fn resolve(text: &str, dir: &Path) -> Result<Variant, VariantError> {
    if let Some(variant) = Variant::named(text) {
        return Ok(variant);
    }
    if text.contains('/') || Path::new(text).extension().is_some_and(|extension| extension == "json") {
        return from_file(&dir.join(text));
    }
    Err(VariantError::Unknown { name: text.to_owned() })
}

/// The `gen_config.json` that lies beside `program`, if there is one.
pub fn beside(program: &Path) -> Option<PathBuf> {
    program.parent().map(|dir| dir.join(GEN_CONFIG)).filter(|path| path.is_file())
}

/// The variant that the build of this `gen_config.json` has.
pub fn from_file(path: &Path) -> Result<Variant, VariantError> {
    let shown = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => from_json(&text, shown),
        Err(error) => Err(VariantError::Unreadable { path: shown, error }),
    }
}

fn from_json(text: &str, path: String) -> Result<Variant, VariantError> {
    let malformed = |what: String| VariantError::Malformed { path: path.clone(), what };
    let value: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let Value::Object(keys) = value else { return Err(malformed("it is not an object".into())) };
    Options { keys, path }.variant()
}

/// The options of one build.
struct Options {
    keys: Map<String, Value>,
    path: String,
}

impl Options {
    fn variant(&self) -> Result<Variant, VariantError> {
        self.refuse_others()?;
        let is_fsgsbase = self.flag("FSGSBASE_INST", Some(false))?;
        let debug_calls = self.flag("DEBUG_BUILD", Some(false))?;
        let utilisation = self.flag("BENCHMARK_TRACK_UTILISATION", Some(false))?;
        let variant = Variant {
            iommu: self.flag("IOMMU", None)?,
            hardware_debug: self.flag("HARDWARE_DEBUG_API", None)?,
            vtx: self.flag("VTX", None)?,
            vtx_64bit_guests: self.flag("X86_64_VTX_64BIT_GUESTS", Some(false))?,
            huge_page: self.flag("HUGE_PAGE", None)?,
            fsgsbase: !self.flag("SET_TLS_BASE_SELF", Some(!is_fsgsbase))?,
            nodes: self.small("MAX_NUM_NODES", None)?,
            domains: self.small("NUM_DOMAINS", None)?,
            domain_schedules: self.small("NUM_DOMAIN_SCHEDULES", Some(2))?,
            root_cnode_bits: self.small("ROOT_CNODE_SIZE_BITS", None)?,
            fpu_area: self.fpu_area()?,
            printing: self.flag("PRINTING", Some(debug_calls))?,
            debug_calls,
            benchmarks: utilisation || self.flag("ENABLE_BENCHMARKS", Some(false))?,
            utilisation,
            dangerous_msr: self.flag("KERNEL_X86_DANGEROUS_MSR", Some(false))?,
            export_pmc: self.flag("EXPORT_PMC_USER", Some(false))?,
        };
        variant.check().map_err(|error| VariantError::Contradiction {
            path: self.path.clone(),
            expected: error.expected(),
        })
    }

    /// Refuses builds whose programs do not run on this kernel at all.
    fn refuse_others(&self) -> Result<(), VariantError> {
        if !self.flag("KERNEL_MCS", None)? {
            return Err(self.unsupported("KERNEL_MCS", "true: the kernel has MCS scheduling"));
        }
        match self.keys.get("SEL4_ARCH").and_then(Value::as_str) {
            Some("x86_64") => {}
            Some(_) => return Err(self.unsupported("SEL4_ARCH", "\"x86_64\"")),
            None => return Err(self.missing("SEL4_ARCH", "a text, \"x86_64\"")),
        }
        for key in ["SYSENTER", "KERNEL_LOG_BUFFER"] {
            if self.flag(key, Some(false))? {
                return Err(self.unsupported(key, "false"));
            }
        }
        match self.number("MAX_NUM_BOOTINFO_UNTYPED_CAPS", Some(230))? {
            230 => Ok(()),
            _ => Err(self.unsupported("MAX_NUM_BOOTINFO_UNTYPED_CAPS", "230")),
        }
    }

    fn fpu_area(&self) -> Result<FpuArea, VariantError> {
        match self.number("XSAVE_FEATURE_SET", Some(0))? {
            0 => Ok(FpuArea::Fxsave),
            3 => Ok(FpuArea::Sse),
            7 => Ok(FpuArea::Avx),
            _ => Err(self.unsupported("XSAVE_FEATURE_SET", "0, 3 or 7")),
        }
    }

    /// A switch; without a default it has to be there.
    fn flag(&self, key: &'static str, default: Option<bool>) -> Result<bool, VariantError> {
        match self.keys.get(key) {
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text == "1" || text == "0" => Ok(text == "1"),
            Some(_) => Err(self.unsupported(key, "true or false")),
            None => default.ok_or_else(|| self.missing(key, "true or false")),
        }
    }

    /// A number, which builds write in quotes.
    fn number(&self, key: &'static str, default: Option<u64>) -> Result<u64, VariantError> {
        let number = match self.keys.get(key) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
            None => return default.ok_or_else(|| self.missing(key, "a number")),
        };
        number.ok_or_else(|| self.unsupported(key, "a number"))
    }

    fn small(&self, key: &'static str, default: Option<u64>) -> Result<u8, VariantError> {
        u8::try_from(self.number(key, default)?).map_err(|_| self.unsupported(key, "a number up to 255"))
    }

    fn missing(&self, key: &'static str, expected: &'static str) -> VariantError {
        VariantError::Missing { path: self.path.clone(), key, expected }
    }

    fn unsupported(&self, key: &'static str, expected: &'static str) -> VariantError {
        let found = self.keys.get(key).map_or_else(|| "missing".into(), Value::to_string);
        VariantError::Unsupported { path: self.path.clone(), key, found, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a build of Microkit's debug configuration writes, as far as it is read.
    const DEBUG: &str = r#"{
        "KERNEL_MCS": true, "SEL4_ARCH": "x86_64", "IOMMU": true, "HARDWARE_DEBUG_API": true, "VTX": false,
        "HUGE_PAGE": true, "FSGSBASE_INST": true, "SET_TLS_BASE_SELF": false, "MAX_NUM_NODES": "1",
        "NUM_DOMAINS": "16", "NUM_DOMAIN_SCHEDULES": "100", "ROOT_CNODE_SIZE_BITS": "17",
        "XSAVE_FEATURE_SET": "3", "XSAVE_SIZE": "576", "DEBUG_BUILD": true, "PRINTING": true,
        "MAX_NUM_BOOTINFO_UNTYPED_CAPS": "230"
    }"#;

    fn with(key: &str, value: &str) -> Result<Variant, VariantError> {
        let mut keys: Map<String, Value> = serde_json::from_str(DEBUG).expect("it is an object");
        match value {
            "" => drop(keys.remove(key)),
            text => drop(keys.insert(key.into(), serde_json::from_str(text).expect("a JSON value"))),
        }
        from_json(&Value::Object(keys).to_string(), "g.json".into())
    }

    #[test]
    fn the_options_of_a_build_give_the_variant_with_its_name() {
        let variant = from_json(DEBUG, "g.json".into()).expect("it is complete");
        assert_eq!(variant.name(), Some("microkit-2.3-debug"));
    }

    #[test]
    fn an_option_that_numbers_depend_on_must_be_there() {
        for key in
            ["KERNEL_MCS", "SEL4_ARCH", "IOMMU", "HARDWARE_DEBUG_API", "VTX", "HUGE_PAGE", "NUM_DOMAINS"]
        {
            let error = with(key, "").expect_err(key).to_string();
            assert!(error.starts_with(&format!("g.json: the key `{key}` is missing")), "{error}");
        }
    }

    #[test]
    fn builds_that_cannot_be_served_are_refused_with_the_option() {
        let cases = [
            ("KERNEL_MCS", "false", "`KERNEL_MCS` is false"),
            ("SEL4_ARCH", "\"ia32\"", "`SEL4_ARCH` is \"ia32\""),
            ("MAX_NUM_BOOTINFO_UNTYPED_CAPS", "\"50\"", "`MAX_NUM_BOOTINFO_UNTYPED_CAPS` is \"50\""),
            ("XSAVE_FEATURE_SET", "\"231\"", "expected: 0, 3 or 7"),
            ("IOMMU", "\"maybe\"", "expected: true or false"),
            ("ROOT_CNODE_SIZE_BITS", "\"many\"", "expected: a number"),
            ("ROOT_CNODE_SIZE_BITS", "\"40\"", "expected: ROOT_CNODE_SIZE_BITS from 8 to 24"),
            ("MAX_NUM_NODES", "\"4\"", "expected: MAX_NUM_NODES above 1 needs NUM_DOMAINS = 1"),
            ("X86_64_VTX_64BIT_GUESTS", "true", "expected: X86_64_VTX_64BIT_GUESTS needs VTX"),
        ];
        for (key, value, message) in cases {
            let error = with(key, value).expect_err(key).to_string();
            assert!(error.contains(message), "{error}");
        }
        for text in ["", "[]", "{", "7"] {
            assert!(matches!(from_json(text, String::new()), Err(VariantError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = resolve("microkit-2.3-debgu", Path::new(".")).expect_err("a typing error").to_string();
        assert!(error.contains("did you mean `microkit-2.3-debug`?"), "{error}");
        assert!(error.contains("expected: sel4, sel4-iommu"), "{error}");
        assert!(matches!(resolve("a/b.json", Path::new("/nowhere")), Err(VariantError::Unreadable { .. })));
    }
}
