package http_test

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// A store that would refuse the next message is told of before there is one, and so is the end of the trouble: nobody
// asks the dispatcher for anything.
func TestTroublesOfAnIdleStore(t *testing.T) {
	t.Parallel()
	troubles := append(diskTroubles(), storeTrouble{
		name: "postgres/takes no rows", says: []string{"lacks a right", "inbox"}, prepare: withoutRights,
	})
	for _, tr := range append(troubles, databaseTroubles()...) {
		if len(tr.says) == 0 {
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			v := &victim{idle: true}
			tr.prepare(t, v)
			v.recovers(t)
			v.strike(t)
			v.says(t, tr.says...)
			if !v.disp.Ready(t) {
				t.Error("it does not take requests any more, which would be refused connections instead of answers")
			}
			v.heal(t)
			v.recovers(t)
			if a := v.disp.Report(t).Account; a.Admitted != 0 {
				t.Errorf("nobody sent anything, and the account says %+v", a)
			}
		})
	}
}

// withoutRights has a role of its own, which loses the right to write one of its tables.
func withoutRights(t *testing.T, v *victim) {
	t.Helper()
	server := postgrestest.Start(t, postgrestest.Options{})
	name := server.NewDatabase(t)
	do := func(t *testing.T, sql string) {
		t.Helper()
		conn := must1(pgx.Connect(t.Context(), server.URI(name)))(t)
		must1(conn.Exec(t.Context(), sql))(t)
		must(t, conn.Close(t.Context()))
	}
	do(t, "CREATE ROLE push LOGIN")
	do(t, "ALTER DATABASE "+name+" OWNER TO push")
	uri := must1(url.Parse(server.URI(name)))(t)
	uri.User = url.User("push")
	v.world = prepare(t, storeKind{"postgres", func(testing.TB) config.Store { return process.DatabaseAt(uri.String()) }})
	v.disp.Start(t)
	v.strike = func(t *testing.T) { t.Helper(); do(t, "REVOKE INSERT ON chat.inbox FROM push") }
	v.heal = func(t *testing.T) { t.Helper(); do(t, "GRANT INSERT ON chat.inbox TO push") }
}
