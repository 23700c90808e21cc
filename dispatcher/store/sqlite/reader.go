package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// readers is the number of connections that read beside the writer.
const readers = 4

// reader reads what is committed, without waiting for the writer.
type reader struct {
	db     *sql.DB
	damage *damage
	mu     sync.Mutex
	stmts  map[string]*sql.Stmt
}

func openReader(path string) (*reader, error) {
	db, err := connect(path, readers, "query_only(1)")
	if err != nil {
		return nil, err
	}
	return &reader{db: db, stmts: map[string]*sql.Stmt{}}, nil
}

func (r *reader) close() error { return r.db.Close() }

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := r.damage.found(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.stmts[query]; ok {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	r.stmts[query] = s
	return s, nil
}

// row reads one row, with sql.ErrNoRows.
func (r *reader) row(ctx context.Context, query string, dest []any, args ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(dest...)
}

// rows reads all rows of one query, which is one snapshot.
func (r *reader) rows(ctx context.Context, query string, scan func(*sql.Rows) error, args ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}
