package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Partitions are days in UTC, by the time in the UUIDv7 or by the time of the
// outcome. They are made before their day, and by the first row that misses its own.
const (
	dayMillis = 24 * 60 * 60 * 1000
	daysAhead = 3
)

// The tables with daily partitions: by message_id, but for the outcomes, which are by at.
const messagesTable, inboxTable, outcomesTable, receiptsTable = "messages", "inbox", "outcomes", "receipts"

// partition is one that the catalog lists.
type partition struct {
	table, name string
	day         int64
}

// dayOf is the number of a time's day.
func dayOf(ms int64) int64 { return ms / dayMillis }

// dayOfID is the number of the day on which a UUIDv7 was made.
func dayOfID(id [16]byte) int64 {
	return dayOf(int64(binary.BigEndian.Uint64(id[:8]) >> 16))
}

// firstID is before every UUIDv7 of a day and behind every one of the day before.
func firstID(day int64) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(day*dayMillis)<<16) //nolint:gosec // Times are positive.
	return id
}

// days remembers which partitions there are. What it knows can be out of date:
// a row that finds no partition makes it forget.
type days struct {
	mu    sync.Mutex
	known map[partition]bool // without names
}

func (d *days) has(table string, day int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[partition{table: table, day: day}]
}

func (d *days) set(all []partition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = map[partition]bool{}
	for _, p := range all {
		d.known[partition{table: p.table, day: p.day}] = true
	}
}

func (d *days) forget() { d.set(nil) }

// noPartition reports whether a row's day has no partition.
func noPartition(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23514" && e.ConstraintName == ""
}

// makePartitions makes those of today and the next days.
func (s *Store) makePartitions(ctx context.Context) error {
	s.days.forget()
	var need []partition
	for ahead := range int64(daysAhead + 1) {
		for _, table := range []string{messagesTable, inboxTable, outcomesTable, receiptsTable} {
			need = append(need, partition{table: table, day: dayOf(millis(s.Now())) + ahead})
		}
	}
	return s.inTx(ctx, func(ctx context.Context, t *tx) error { return t.ensure(ctx, need) })
}

// ensureDays makes what the rows of an accept need, which is there but for the first of a day.
func (a *accepting) ensureDays(ctx context.Context, rows *acceptRows) error {
	var need []partition
	for _, id := range rows.messages.ids {
		need = append(need, partition{table: messagesTable, day: dayOfID(id)}, partition{table: inboxTable, day: dayOfID(id)})
	}
	return a.ensure(ctx, append(need, a.outcomesDay()))
}

// outcomesDay is where the outcomes of this moment are.
func (t *tx) outcomesDay() partition {
	return partition{table: outcomesTable, day: dayOf(millis(t.store.Now()))}
}

// ensure makes the partitions that are not there.
func (t *tx) ensure(ctx context.Context, need []partition) error {
	known := func(p partition) bool { return t.store.days.has(p.table, p.day) }
	if need = slices.DeleteFunc(need, known); len(need) == 0 {
		return nil
	}
	all, err := t.store.partitions(ctx, t)
	if err != nil {
		return err
	}
	t.store.days.set(all)
	if need = slices.DeleteFunc(need, known); len(need) == 0 {
		return nil
	}
	return t.make(ctx, need)
}

// make attaches new partitions, which stops nobody else from writing. One
// process at a time does.
func (t *tx) make(ctx context.Context, need []partition) error {
	if _, err := t.exec(ctx, `LOCK TABLE ONLY @.messages, ONLY @.inbox, ONLY @.outcomes, ONLY @.receipts IN SHARE UPDATE EXCLUSIVE MODE`); err != nil {
		return err
	}
	all, err := t.store.partitions(ctx, t)
	if err != nil {
		return err
	}
	t.store.days.set(all)
	for _, p := range need {
		if t.store.days.has(p.table, p.day) {
			continue
		}
		if _, err := t.PgConn().Exec(ctx, t.store.sql(p.sql())).ReadAll(); err != nil {
			return fmt.Errorf("making a partition of %s: %w", p.table, err)
		}
		all = append(all, p)
		t.store.days.set(all)
	}
	return nil
}

// sql makes a partition as a table of its own first: making it as a partition
// would wait for everyone who uses the whole table.
func (p partition) sql() string {
	from, to := p.bounds(p.day), p.bounds(p.day+1)
	name := p.table + "_" + time.UnixMilli(p.day*dayMillis).UTC().Format("20060102")
	return fmt.Sprintf(`CREATE TABLE @.%[1]s (LIKE @.%[2]s INCLUDING ALL EXCLUDING IDENTITY);
		ALTER TABLE @.%[2]s ATTACH PARTITION @.%[1]s FOR VALUES FROM ('%[3]s') TO ('%[4]s')`, name, p.table, from, to)
}

func (p partition) bounds(day int64) string {
	if p.table == outcomesTable {
		return strconv.FormatInt(day*dayMillis, 10)
	}
	return firstID(day).String()
}

const listPartitions = `SELECT t.relname, p.relname, substring(pg_get_expr(p.relpartbound, p.oid) FROM 'FROM \(''([^'']+)''\)')
	FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
	JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class p ON p.oid = i.inhrelid
	WHERE n.nspname = $1 AND t.relname IN ('messages', 'inbox', 'outcomes', 'receipts') AND t.relkind = 'p'`

// querier is a transaction or the pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// partitions lists what the catalog knows.
func (s *Store) partitions(ctx context.Context, q querier) ([]partition, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := q.Query(ctx, listPartitions, s.schema)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p partition, err error) {
		var from *string
		if err := row.Scan(&p.table, &p.name, &from); err != nil {
			return p, err
		}
		if from == nil { // a partition that somebody else made, such as a default one
			p.day = -1
			return p, nil
		}
		p.day, err = p.parse(*from)
		return p, err
	})
}

// parse reads the day off the lower bound.
func (p partition) parse(from string) (int64, error) {
	if p.table == outcomesTable {
		ms, err := strconv.ParseInt(from, 10, 64)
		return dayOf(ms), err
	}
	id, err := uuid.Parse(from)
	return dayOfID(id), err
}
