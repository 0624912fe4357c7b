// SPDX-License-Identifier: MIT OR Apache-2.0
//! Little-endian fields read from and written to bytes, without alignment.

/// A value with a fixed little-endian form.
pub trait Field: Sized {
    /// Bytes of the form.
    const LEN: usize;

    /// Takes the value from the front of the reader.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// Puts the value at the end of the writer.
    fn write(&self, writer: &mut Writer<'_>) -> Option<()>;
}

macro_rules! integer_field {
    ($($integer:ty),+) => {
        $(impl Field for $integer {
            const LEN: usize = size_of::<$integer>();

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let (bytes, rest) = reader.rest.split_first_chunk()?;
                reader.rest = rest;
                Some(Self::from_le_bytes(*bytes))
            }

            fn write(&self, writer: &mut Writer<'_>) -> Option<()> {
                writer.bytes(&self.to_le_bytes())
            }
        })+
    };
}

integer_field!(u32, u64, i64);

impl<const N: usize> Field for [u8; N] {
    const LEN: usize = N;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (bytes, rest) = reader.rest.split_first_chunk()?;
        reader.rest = rest;
        Some(*bytes)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Option<()> {
        writer.bytes(self)
    }
}

/// Takes fields from the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the first byte on.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field, or nothing at the end.
    pub fn take<T: Field>(&mut self) -> Option<T> {
        T::read(self)
    }
}

/// Puts fields one after the other into a byte slice.
pub struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    /// Writes from the first byte on.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Puts a field, or nothing if it does not fit.
    pub fn put<T: Field>(&mut self, value: T) -> Option<()> {
        value.write(self)
    }

    /// Puts bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let (place, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len())?;
        place.copy_from_slice(bytes);
        self.rest = rest;
        Some(())
    }
}

/// Defines a structure whose fields follow each other without holes, in memory and in bytes alike.
macro_rules! wire_struct {
    ($(#[$meta:meta])* $name:ident { $($(#[$row:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(C)]
        pub struct $name {
            $($(#[$row])* pub $field: $type,)+
        }

        impl $crate::chunk::wire::Field for $name {
            const LEN: usize = 0 $(+ <$type as $crate::chunk::wire::Field>::LEN)+;

            fn read(reader: &mut $crate::chunk::wire::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: reader.take()?,)+ })
            }

            fn write(&self, writer: &mut $crate::chunk::wire::Writer<'_>) -> Option<()> {
                $(writer.put(self.$field)?;)+
                Some(())
            }
        }

        impl $name {
            /// Bytes of the structure.
            pub const LEN: usize = <Self as $crate::chunk::wire::Field>::LEN;
        }

        const _: () = assert!(size_of::<$name>() == $name::LEN);
    };
}
pub(crate) use wire_struct;
