//! What an answer costs: the query is answered, with what was read and merged for it.
//!
//! Rows are made anew even if they are kept from before; merged batch parts that are kept are used
//! as any query would use them, and say so. What is not known is left out. A key that is bound
//! by a filter does not learn how much there is besides what it sees.

use std::sync::Arc;
use std::time::Instant;

use merganser_api::explain::{ExplainedBatch, ExplainedPiece, ExplainedSpeed, QueryExplanation};
use merganser_metric::catalog::MetricVersion;

use super::explained_query::explained_query;
use super::read_trace::{PieceTrace, ReadFigures, ReadTrace, RowsTrace};
use super::{PermitRequest, ServingLayer, end_of};
use crate::answer::QueryAnswer;
use crate::error::ServingError;
use crate::query::Query;

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

impl ServingLayer {
    /// Answers a query, and says what that took.
    pub(crate) async fn explain_to(
        self: &Arc<Self>,
        request: &PermitRequest,
        query: &Query,
    ) -> Result<QueryExplanation, ServingError> {
        let (started, _in_progress) = (Instant::now(), self.instruments.begin());
        let explained = self.explain_after(request, query).await;
        let answer = explained.as_ref().map(|(answer, _)| answer);
        self.instruments.record_query(started.elapsed(), end_of(answer));
        explained.map(|(_, explanation)| explanation)
    }

    async fn explain_after(
        self: &Arc<Self>,
        request: &PermitRequest,
        query: &Query,
    ) -> Result<(QueryAnswer, QueryExplanation), ServingError> {
        let after = self.wait_for(query).await?;
        let snapshot = self.catalog.current();
        let metric = self.find(&snapshot, &query.scope, &query.metric)?;
        let place = self.pin_query(query, &snapshot, metric).await?;
        let kept = self.answers.find(snapshot.generation, place.lag.applied, &place.asked);
        let need = self.estimate_need(query, metric, &place);
        let explained = self.run_when_admitted(need, request, |work| async move {
            let trace = ReadTrace::new(Arc::clone(&self.clock));
            let began = trace.now();
            let answer = self.answer_now(query, &work.traced(trace.clone())).await?;
            let elapsed_us = trace.elapsed_us(began);
            Ok((answer, ReadFigures { elapsed_us, ..trace.figures().clone() }))
        });
        let (answer, figures) = explained.await?;
        self.check_reached(after, &answer)?;
        let explanation = self.explanation(query, metric, &answer, &figures, kept.is_some());
        Ok((answer, explanation))
    }

    fn explanation(
        &self,
        query: &Query,
        metric: &MetricVersion,
        answer: &QueryAnswer,
        figures: &ReadFigures,
        cached: bool,
    ) -> QueryExplanation {
        let zone = answer.rows.calendar.zone();
        let sees_all = query.scope.filter.is_none();
        let rows_read = |read: RowsTrace| Some(read.rows).filter(|_| sees_all);
        let piece = |piece: &PieceTrace| ExplainedPiece {
            grain: piece.grain,
            // Without bounds of its own a query reads from the first event of all on.
            from: sees_all.then(|| zone.format(piece.range.from)),
            to: sees_all.then(|| zone.format(piece.range.to)),
            files: Some(piece.files).filter(|_| sees_all),
            rows_read: piece.read.and_then(rows_read),
            cached: piece.read.is_none(),
            elapsed_ms: piece.read.map(|read| millis(read.elapsed_us)),
        };
        let provenance = answer.provenance.clone();
        QueryExplanation {
            query: explained_query(query, &metric.compiled, answer),
            generation: provenance.generation,
            elapsed_ms: millis(figures.elapsed_us),
            cached,
            rows: answer.rows.values.num_rows(),
            groups: figures.groups,
            batch: ExplainedBatch { pieces: figures.pieces.iter().map(piece).collect() },
            speed: ExplainedSpeed {
                store: self.speed.kind().to_owned(),
                rows_read: rows_read(figures.speed),
                events: provenance.speed.events,
                elapsed_ms: millis(figures.speed.elapsed_us),
            },
            merge_ms: millis(figures.merge_us),
            provenance,
        }
    }
}
