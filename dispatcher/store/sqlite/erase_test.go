package sqlite

import (
	"database/sql"
	"testing"

	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

func TestEveryTableOfUsersIsErased(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	columns := map[string][]string{}
	err = s.reader.rows(t.Context(), `SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'`,
		func(rows *sql.Rows) error {
			var table, column string
			err := rows.Scan(&table, &column)
			columns[table] = append(columns[table], column)
			return err
		})
	if err != nil || len(columns["users"]) == 0 {
		t.Fatal(columns, err)
	}
	storetest.CheckUserTables(t, columns)
}
