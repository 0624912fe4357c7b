// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers that the programs of an instance use for invocations and objects.
//!
//! Everywhere else the kernel knows those of the base build; here they are translated, once per invocation.

use abi::{Label, MessageInfo, ObjectType, Variant, Word, cut};

/// What the numbers of the instance's ABI variant stand for.
#[derive(Clone, Copy, Debug)]
pub struct Numbering {
    variant: Variant,
    /// Whether labels and object types are those of the base build.
    is_base: bool,
    /// Message info of Page Map as programs send it.
    pub(crate) page_map: Word,
    /// Message info of Page Unmap as programs send it.
    pub(crate) page_unmap: Word,
    /// Message info of Retype as programs send it.
    pub(crate) retype: Word,
    /// Message info of Ack as programs send it.
    pub(crate) irq_ack: Word,
}

/// Type, size, index, depth, offset, count.
const RETYPE_WORDS: usize = 6;

impl Numbering {
    /// The numbers of the base build.
    pub const BASE: Self = Self {
        variant: Variant::BASE,
        is_base: true,
        // Address, rights, attributes, and the address space.
        page_map: cut(MessageInfo::new(Label::PageMap.word(), 0, 1, 3).word()),
        page_unmap: cut(MessageInfo::new(Label::PageUnmap.word(), 0, 0, 0).word()),
        retype: cut(MessageInfo::new(Label::UntypedRetype.word(), 0, 1, RETYPE_WORDS).word()),
        irq_ack: cut(MessageInfo::new(Label::IrqHandlerAck.word(), 0, 0, 0).word()),
    };

    /// The numbers of `variant`.
    pub fn new(variant: Variant) -> Self {
        let number = |label| variant.label_word(label).expect("every build has it");
        Self {
            variant,
            is_base: variant.first_unused_label() == Variant::BASE.first_unused_label() && variant.huge_page,
            page_map: cut(MessageInfo::new(number(Label::PageMap), 0, 1, 3).word()),
            page_unmap: cut(MessageInfo::new(number(Label::PageUnmap), 0, 0, 0).word()),
            retype: cut(MessageInfo::new(number(Label::UntypedRetype), 0, 1, RETYPE_WORDS).word()),
            irq_ack: cut(MessageInfo::new(number(Label::IrqHandlerAck), 0, 0, 0).word()),
        }
    }

    /// The variant behind the numbers.
    pub const fn variant(&self) -> Variant {
        self.variant
    }

    /// The operation that a label stands for.
    #[inline]
    pub fn label(&self, word: u64) -> Option<Label> {
        if !self.is_base {
            return self.translated_label(word);
        }
        match Label::from_word(word) {
            Some(label) if label.is_of_variants_only() => None,
            label => label,
        }
    }

    #[cold]
    fn translated_label(&self, word: u64) -> Option<Label> {
        self.variant.label(word)
    }

    /// The object that a type number stands for.
    #[inline]
    pub fn object_type(&self, word: u64) -> Option<ObjectType> {
        self.variant.object_type(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_base_build_are_the_ones_of_its_variant() {
        let (base, made) = (Numbering::BASE, Numbering::new(Variant::BASE));
        assert_eq!((base.page_map, base.page_unmap), (made.page_map, made.page_unmap));
        assert_eq!((base.retype, base.irq_ack), (made.retype, made.irq_ack));
        assert!(made.is_base);
        for word in 0..0x1100 {
            assert_eq!(base.label(word), Variant::BASE.label(word), "{word:#x}");
        }
    }

    #[test]
    fn switches_that_move_a_number_are_translated() {
        for (name, variant) in Variant::NAMED {
            let numbering = Numbering::new(variant);
            assert_eq!(numbering.is_base, name == "sel4", "{name}");
            for word in 0..0x1100 {
                assert_eq!(numbering.label(word), variant.label(word), "{name}: {word:#x}");
            }
        }
    }
}
