package postgres

import (
	"context"
	"maps"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5"
)

// recorder is a tracer that keeps every statement, and counts them and their round trips.
type recorder struct {
	mu      sync.Mutex
	queries map[string]int
	total   cost
}

// cost is what the database is asked to do.
type cost struct{ statements, trips int }

var _ pgx.BatchTracer = (*recorder)(nil)

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(data.SQL, 1)
	return ctx
}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	r.mu.Lock()
	r.total.trips++
	r.mu.Unlock()
	for _, q := range data.Batch.QueuedQueries {
		r.note(q.SQL, 0)
	}
	return ctx
}

func (*recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// schemaOf is the schema of a case in a statement.
var schemaOf = regexp.MustCompile(`\bpush(_\d+)?\.`)

func (r *recorder) note(sql string, trips int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queries == nil {
		r.queries = map[string]int{}
	}
	r.queries[schemaOf.ReplaceAllString(sql, "@.")]++
	r.total.statements++
	r.total.trips += trips
}

// cost runs f, and tells what it cost.
func (r *recorder) cost(f func()) cost {
	before := r.sum()
	f()
	after := r.sum()
	return cost{after.statements - before.statements, after.trips - before.trips}
}

func (r *recorder) sum() cost {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

func (r *recorder) seen() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.queries)
}
