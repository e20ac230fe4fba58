//! Tables of events as intake reads them, for who cuts files of them into requests.

pub(crate) use speed_layer::intake::{
    ColumnMapping, Columnar, ColumnarFile, CsvOptions, EventSource, Layout, Options, Records,
    check_names, is_unmistakable,
};
