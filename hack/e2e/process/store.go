package process

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
)

// StorePlace is where KeepStore keeps what a store holds.
const StorePlace = "store"

// bytea is a value as PostgreSQL writes it.
var bytea = regexp.MustCompile(`\\+x([0-9a-f]{2,})`)

// KeepStore keeps all that is in the dispatcher's store, byte for byte: SQLite's files, or every row of PostgreSQL.
func (d *Dispatcher) KeepStore(tb testing.TB) {
	tb.Helper()
	if p := d.document.Store.Postgres; p != nil {
		rows, err := rowsOf(context.WithoutCancel(tb.Context()), p.URI.Reveal())
		if err != nil {
			tb.Fatal(err)
		}
		d.kept.Add(StorePlace, rows)
		return
	}
	files, err := filepath.Glob(filepath.Join(d.DataDir, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		d.kept.Add(StorePlace, content)
	}
}

// rowsOf are all rows as texts, with the bytes of what PostgreSQL shows as hexadecimal digits behind them.
func rowsOf(ctx context.Context, uri string) (all []byte, err error) {
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	found, err := conn.Query(ctx, "SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		var text *string
		sql := "SELECT string_agg(t::text, chr(10)) FROM " + pgx.Identifier{schema, table}.Sanitize() + " t"
		if err := conn.QueryRow(ctx, sql).Scan(&text); err != nil {
			return nil, err
		}
		if text != nil {
			all = append(append(all, table...), *text...)
		}
	}
	for _, digits := range bytea.FindAllSubmatch(slices.Clone(all), -1) {
		if raw, err := hex.DecodeString(string(digits[1])); err == nil {
			all = append(append(all, '\n'), raw...)
		}
	}
	return all, nil
}
