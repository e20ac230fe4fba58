//! Groups, their numbers and their order.

use super::*;
use crate::measure::StateKind;

#[test]
fn groups_keep_their_numbers_and_sort_by_time_then_text_with_nulls_last() {
    let layout =
        StateLayout { dimensions: vec!["a".into(), "b".into()], states: vec![StateKind::Count] };
    let mut table = StateTable::new(&layout);
    let a = StringArray::from(vec![Some("y"), None, Some("x"), Some("y"), Some("")]);
    let b = StringArray::from(vec![Some("1"), Some("1"), None, Some("1"), Some("1")]);
    let groups = table.groups(&[10, 10, 10, 10, 5], &[&a, &b]).unwrap();
    assert_eq!(groups, [0, 1, 2, 0, 3]);
    table.update(&groups, &[None]).unwrap();
    assert_eq!(table.sorted(), [3, 2, 0, 1]);
    let counts = table.emit(&[0, 1]);
    assert_eq!(counts.column(3).as_primitive::<arrow::datatypes::Int64Type>().values(), &[2, 1]);
    let mut twice = StateTable::new(&layout);
    twice.merge(&table.emit_all()).unwrap();
    twice.merge(&table.emit_all()).unwrap();
    assert_eq!(twice.len(), 4);
    assert_eq!(twice.dimension(1, 0), None);
    assert_eq!(twice.within(TimeRange { from: Timestamp(5), to: Timestamp(6) }), [3]);
}

#[test]
fn a_full_table_knows_its_groups_and_makes_no_more() {
    let layout = StateLayout { dimensions: vec!["a".into()], states: vec![StateKind::Count] };
    let mut table = StateTable::new(&layout);
    let a = StringArray::from(vec![Some("x"), None, Some("y"), Some("x"), None, Some("z")]);
    let groups = table.groups_within(&[1, 1, 1, 1, 2, 1], &[&a], 2).unwrap();
    assert_eq!(groups, [Some(0), Some(1), None, Some(0), None, None]);
    assert_eq!((table.len(), table.states()[0].len()), (2, 2));
    assert_eq!(table.groups_within(&[1; 6], &[&a], 4).unwrap()[4..], [Some(1), Some(3)]);
}
