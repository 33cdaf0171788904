//! Parquet, in which hubs keep data sets: read row by row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use crate::error::{EvalError, bad_data};

const HINT: &str = "is it whole? Files compressed by snappy or not at all are read; others become \
                    .jsonl by any parquet tool";

/// The records of a parquet file.
pub(super) fn parquet(path: &Path, bytes: &[u8]) -> Result<Vec<Map<String, Value>>, EvalError> {
    // The reader is not hardened against every damaged file: what it asserts is an error here.
    let records = catch_unwind(AssertUnwindSafe(|| records(bytes)));
    match records {
        Ok(Ok(records)) => Ok(records),
        Ok(Err(error)) => Err(bad_data(path, error.to_string(), HINT)),
        Err(_) => Err(bad_data(path, "is damaged", HINT)),
    }
}

fn records(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, ParquetError> {
    let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes))?;
    reader.get_row_iter(None)?.map(|row| Ok(object(&row?))).collect()
}

fn object(row: &Row) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// A field as JSON. Dates, decimals and bytes do not occur in benchmarks and become their text.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(x) => (*x).into(),
        Field::Byte(x) => (*x).into(),
        Field::Short(x) => (*x).into(),
        Field::Int(x) => (*x).into(),
        Field::Long(x) => (*x).into(),
        Field::UByte(x) => (*x).into(),
        Field::UShort(x) => (*x).into(),
        Field::UInt(x) => (*x).into(),
        Field::ULong(x) => (*x).into(),
        Field::Float(x) => f64::from(*x).into(),
        Field::Double(x) => (*x).into(),
        Field::Str(text) => text.as_str().into(),
        Field::Group(row) => Value::Object(object(row)),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Two questions, with options as a list, as hubs store MMLU.
    fn written() -> Vec<u8> {
        let schema = "message m { required binary question (UTF8); required int64 answer;
            required group choices (LIST) { repeated group list { required binary element (UTF8); } } }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let texts = |texts: &[&str]| texts.iter().map(|t| ByteArray::from(*t)).collect::<Vec<_>>();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(&["q1", "q2"]), None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1, 3], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let options = texts(&["a", "b", "c", "d", "e", "f", "g", "h"]);
        let (definition, repetition) = ([1; 8], [0, 1, 1, 1, 0, 1, 1, 1]);
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&options, Some(&definition), Some(&repetition)).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        bytes
    }

    #[test]
    fn rows_are_read_with_their_lists() {
        let rows = parquet(Path::new("x.parquet"), &written()).unwrap();
        let want =
            serde_json::json!({"question": "q2", "answer": 3, "choices": ["e", "f", "g", "h"]});
        assert_eq!((rows.len(), Value::Object(rows[1].clone())), (2, want));
    }

    #[test]
    fn damaged_files_are_errors() {
        let bytes = written();
        for end in [0, 4, 8, bytes.len() / 2, bytes.len() - 1] {
            assert!(parquet(Path::new("x.parquet"), &bytes[..end]).is_err(), "{end}");
        }
        for place in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x55;
            // An error, or other rows: never the end of the program.
            let _ = parquet(Path::new("x.parquet"), &damaged);
        }
    }
}
