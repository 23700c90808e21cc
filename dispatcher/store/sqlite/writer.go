package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	sqlitedriver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// change is one request to the writer. It may run again in another transaction
// after its first one failed, so it sets its results anew each time.
type change func(t *tx) error

// writer owns the one connection that writes.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn // nil until the next commit opens one
	stmts  map[string]*sql.Stmt
	damage *damage
}

// dataSource names the database with the pragmas of every connection: a commit
// is on disk when it returns, and readers do not wait for the writer.
func dataSource(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)", "cache_size(-32768)",
	}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

func connect(path string, connections int, pragmas ...string) (*sql.DB, error) {
	var connector driver.Connector
	connector, err := sqlitedriver.NewConnector(dataSource(path, pragmas...))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func openWriter(ctx context.Context, path string, log *slog.Logger) (*writer, error) {
	db, err := connect(path, 1, "journal_size_limit(67108864)")
	if err != nil {
		return nil, err
	}
	err = check(ctx, db, checkAtStart)
	if err == nil {
		err = migrate(ctx, db, log)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{db: db, stmts: map[string]*sql.Stmt{}}, nil
}

func (w *writer) close() error {
	err := w.closeStmts()
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return errors.Join(err, w.db.Close())
}

// closeStmts comes before the end of their connection: with one of them open
// SQLite would keep the database and its log open.
func (w *writer) closeStmts() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// commit runs changes in one transaction.
func (w *writer) commit(ctx context.Context, batch []change) error {
	t := &tx{w: w, ctx: ctx, now: time.Now().UnixMilli(), counts: map[message.State]int64{}}
	defer func() {
		if !t.ended { // after an error or a panic
			w.rollback(ctx)
		}
	}()
	if err := w.begin(ctx); err != nil {
		return groupcommit.Whole(err)
	}
	for _, c := range batch {
		if err := c(t); err != nil {
			return whole(err)
		}
	}
	if err := t.count(); err != nil {
		return whole(err)
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return whole(err)
	}
	t.ended = true
	return nil
}

func (w *writer) begin(ctx context.Context) error {
	if err := w.damage.found(); err != nil {
		return err
	}
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return err
		}
		w.conn = conn
	}
	_, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

// rollback gives up the connection when it cannot leave its transaction: no
// later one could begin on it.
func (w *writer) rollback(ctx context.Context) {
	if w.conn == nil {
		return
	}
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil || primary(err) == lib.SQLITE_ERROR { // SQLite has rolled back already.
		return
	}
	_ = w.closeStmts()
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // This closes it for good.
	w.conn, w.stmts = nil, map[string]*sql.Stmt{}
}

// stmt prepares each text once; there are as many as there are in the code.
func (w *writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.stmts[query]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	w.stmts[query] = s
	return s, nil
}

// tx is one transaction of the writer.
type tx struct {
	w      *writer
	ctx    context.Context
	now    int64 // Unix milliseconds
	counts map[message.State]int64
	writes int
	ended  bool
}

// exec runs a statement that changes rows and returns their number.
func (t *tx) exec(query string, args ...any) (int64, error) {
	r, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// insert runs a statement that adds one row and returns its key.
func (t *tx) insert(query string, args ...any) (int64, error) {
	r, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (t *tx) run(query string, args []any) (sql.Result, error) {
	t.writes++
	s, err := t.w.stmt(t.ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(t.ctx, args...)
}

// update runs a statement that changes one row and returns it.
func (t *tx) update(query string, dest []any, args ...any) error {
	t.writes++
	return t.row(query, dest, args...)
}

// row reads one row, with sql.ErrNoRows.
func (t *tx) row(query string, dest []any, args ...any) error {
	s, err := t.w.stmt(t.ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}

// rows reads all rows.
func (t *tx) rows(query string, scan func(*sql.Rows) error, args ...any) error {
	s, err := t.w.stmt(t.ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

func each(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer rows.Close() //nolint:errcheck // Rows.Err tells it.
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
