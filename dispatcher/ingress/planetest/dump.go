package planetest

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Dump is every row of every table of the store, for tests of what must have no effect.
func (b *Bed) Dump(tb testing.TB) string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "*.db"))
	if err != nil || len(files) != 1 {
		tb.Fatal(files, err)
	}
	db, err := sql.Open("sqlite", "file:"+files[0]+"?mode=ro")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // It only reads.
	var lines []string
	for _, table := range texts(tb, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`) {
		columns := texts(tb, db, fmt.Sprintf(`SELECT 'quote(' || name || ')' FROM pragma_table_info('%s')`, table))
		rows := texts(tb, db, fmt.Sprintf(`SELECT %s FROM %s`, strings.Join(columns, " || ' ' || "), table))
		slices.Sort(rows)
		for _, row := range rows {
			lines = append(lines, table+": "+row)
		}
	}
	return strings.Join(lines, "\n")
}

func texts(tb testing.TB, db *sql.DB, query string) (out []string) {
	tb.Helper()
	rows, err := db.QueryContext(tb.Context(), query)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Rows.Err tells it.
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			tb.Fatal(err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return out
}
