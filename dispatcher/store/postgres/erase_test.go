package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

func TestEveryTableOfUsersIsErased(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	columns := map[string][]string{}
	err := s.rows(t.Context(), `SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = 'push'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
		func(row pgx.CollectableRow) error {
			var table, column string
			err := row.Scan(&table, &column)
			columns[table] = append(columns[table], column)
			return err
		})
	if err != nil || len(columns["users"]) == 0 {
		t.Fatal(columns, err)
	}
	storetest.CheckUserTables(t, columns)
}
