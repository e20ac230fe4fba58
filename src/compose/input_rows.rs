//! Tables of events as intake reads them, for commands that cut files of them into requests.

pub(crate) use speed_layer::intake::{
    ColumnLayout, ColumnMapping, ColumnarFile, ColumnarFormat, CsvParameters, CsvRecordReader,
    EventTypeSource, ParameterStyle, check_column_names, is_plain_number,
};
