package http_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// storeTrouble is something that a store gets into while its dispatcher works.
type storeTrouble struct {
	name string
	// prepare makes the store's place, and says how the trouble begins and ends.
	prepare func(*testing.T, *victim)
	// says is what the report says of the store meanwhile; nothing when the store still does some of its work.
	says []string
	// harmless trouble refuses nothing.
	harmless bool
}

// victim is a world whose store is in trouble.
type victim struct {
	*world
	strike, heal func(*testing.T)
	// idle means that nobody asks it for anything.
	idle bool
}

// In every trouble of its store a dispatcher refuses what it cannot keep, with 503 and when to come back; its sessions stay
// open, and it goes on by itself when the trouble is over. Nothing that was acknowledged is lost, and every push is
// accounted for. docs/troubles.md is this table in words.
func TestStoreTroubles(t *testing.T) {
	t.Parallel()
	for _, tr := range append(diskTroubles(), databaseTroubles()...) {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			v := &victim{}
			tr.prepare(t, v)
			tr.run(t, v)
		})
	}
}

func (tr storeTrouble) run(t *testing.T, v *victim) {
	t.Helper()
	phones := v.receivers(t, "ann", "ben")
	session, live := v.newPhone(t, vendors()[0]).open(t, "liv")
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }() // until the test closes it
	before := v.disp.Report(t)
	l := v.startLoad(t, "ann", "ben")
	l.awaitMore(t, 20)

	v.strike(t)
	if tr.harmless {
		l.awaitMore(t, 20)
	} else {
		v.refuses(t)
	}
	if len(tr.says) > 0 {
		v.says(t, tr.says...)
	}
	if !v.disp.Ready(t) {
		t.Error("it does not take requests any more, which would end its sessions")
	}
	v.heal(t)
	healed := time.Now()
	forLiv := v.newMessage("alice", "liv")
	until(t, "messages are accepted again", func() error {
		_, err := v.server().Send(t.Context(), forLiv)
		return err
	})
	t.Logf("accepted again %s after the trouble was over", time.Since(healed).Round(time.Millisecond))
	next(t, live)
	select {
	case err := <-ended:
		t.Errorf("the session ended: %v", err)
	default:
	}
	l.awaitMore(t, 20)
	acked := l.stop()
	repeated := delivered(t, acked, phones)
	v.settled(t)
	after := v.disp.Report(t)
	if a := after.Account; a.Handed+a.Cancelled != int64(len(acked))+1 || a.Failed+a.Expired+a.Quarantined != 0 {
		t.Errorf("%d messages were acknowledged, to a phone each, and one to a session; the account says %+v", len(acked), a)
	}
	if !after.StartedAt.Equal(before.StartedAt) {
		t.Error("the process started anew")
	}
	v.recovers(t)
	t.Logf("%d messages, %d repeated", len(acked), repeated)
}

// refuses waits until messages are refused, which must be with 503 and when to come back.
func (v *victim) refuses(t *testing.T) {
	t.Helper()
	until(t, "messages are refused", func() error {
		_, err := v.server().Send(t.Context(), v.newMessage("alice", "nobody"))
		if err == nil {
			return errors.New("it was accepted")
		}
		e, ok := errors.AsType[*client.Error](err)
		if !ok || e.Status != http.StatusServiceUnavailable || e.Code != wire.CodeStoreUnavailable || e.RetryAfter < time.Second {
			t.Fatalf("it was answered with %v, want 503 and Retry-After", err)
		}
		return nil
	})
}

// recovers waits until the report says that the store works.
func (v *victim) recovers(t *testing.T) {
	t.Helper()
	until(t, "the report says that the store works again", func() error {
		if s := v.disp.Report(t).Store; !s.Ready {
			return fmt.Errorf("it says %+v", s)
		}
		return nil
	})
}

func diskTroubles() []storeTrouble {
	return []storeTrouble{{name: "sqlite/full disk", says: []string{"volume is full"}, prepare: func(t *testing.T, v *victim) {
		t.Helper()
		v.world = prepare(t, sqlite())
		disk := smallDisk(t)
		v.disp.DataDir = disk + "/store"
		v.disp.Start(t)
		t.Cleanup(v.disp.Kill) // before the disk goes
		v.strike = func(t *testing.T) {
			t.Helper()
			free := fill(t, disk)
			v.heal = func(*testing.T) { free() }
		}
	}}}
}

// onServer is a dispatcher whose database server is the test's own.
func onServer(options postgrestest.Options, trouble func(*testing.T, *victim, *postgrestest.Server, string)) func(*testing.T, *victim) {
	return func(t *testing.T, v *victim) {
		t.Helper()
		server := postgrestest.Start(t, options)
		name := server.NewDatabase(t)
		v.world = prepare(t, storeKind{"postgres", func(testing.TB) config.Store { return process.DatabaseAt(server.URI(name)) }})
		trouble(t, v, server, name)
		v.disp.Start(t)
	}
}

func databaseTroubles() []storeTrouble {
	own := postgrestest.Options{}
	return []storeTrouble{
		{name: "postgres/killed", says: []string{"connect"}, prepare: onServer(own, func(_ *testing.T, v *victim, s *postgrestest.Server, _ string) {
			v.strike = func(t *testing.T) { t.Helper(); must(t, s.Kill9()) }
			v.heal = func(t *testing.T) { t.Helper(); must(t, s.Restart(t.Context())) }
		})},
		{name: "postgres/frozen", says: []string{""}, prepare: onServer(own, frozen)},
		{name: "postgres/slow", harmless: true, prepare: onServer(own, slow)},
		{name: "postgres/out of connections", says: []string{"no connection left", "max_connections"}, prepare: onServer(
			postgrestest.Options{Settings: map[string]string{"max_connections": strconv.Itoa(allConnections)}}, crowded)},
		{name: "postgres/takes no writes", says: []string{"takes no writes", "primary"}, prepare: onServer(own, readOnly)},
		{name: "postgres/full disk", says: []string{"disk is full", "enlarge"}, prepare: onServer(own, fullDatabase)},
		{name: "postgres/fails over", harmless: true, prepare: failover},
	}
}

func frozen(_ *testing.T, v *victim, s *postgrestest.Server, _ string) {
	v.strike = func(t *testing.T) {
		t.Helper()
		thaw := must1(s.Freeze())(t)
		v.heal = func(t *testing.T) { t.Helper(); must(t, thaw()) }
		t.Cleanup(func() { _ = thaw() }) // before the server is stopped
	}
}

// slow lets the server work for a quarter of the time.
func slow(_ *testing.T, v *victim, s *postgrestest.Server, _ string) {
	v.strike = func(t *testing.T) {
		t.Helper()
		stop, stopped := make(chan struct{}), make(chan error, 1)
		go func() {
			for {
				thaw, err := s.Freeze()
				if err != nil {
					stopped <- err
					return
				}
				pause(stop, 300*time.Millisecond)
				if err := thaw(); err != nil || pause(stop, 100*time.Millisecond) {
					stopped <- err
					return
				}
			}
		}()
		v.heal = func(t *testing.T) { t.Helper(); close(stop); must(t, <-stopped) }
	}
}

// pause waits, and reports whether there is no need to go on.
func pause(stop <-chan struct{}, d time.Duration) bool {
	select {
	case <-stop:
		return true
	case <-time.After(d):
		return false
	}
}

// allConnections is what the server of crowded has to give.
const allConnections = 25

// crowded takes every connection of the server, those of the dispatcher included.
func crowded(_ *testing.T, v *victim, s *postgrestest.Server, name string) {
	var mine []*pgx.Conn
	v.strike = func(t *testing.T) {
		t.Helper()
		until(t, "all connections are taken", func() error {
			for len(mine) < allConnections {
				conn, err := pgx.Connect(t.Context(), s.URI("postgres"))
				if err != nil {
					if !strings.Contains(err.Error(), "53300") {
						t.Fatal(err)
					}
					// A connection that is just being made is not in the list of the server yet: only a full hand is all.
					must1(mine[0].Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name))(t)
					return fmt.Errorf("the test has %d", len(mine))
				}
				mine = append(mine, conn)
			}
			return nil
		})
	}
	v.heal = func(t *testing.T) {
		t.Helper()
		for _, conn := range mine {
			must(t, conn.Close(t.Context()))
		}
	}
}

// readOnly is what a primary becomes when it is demoted without a word.
func readOnly(_ *testing.T, v *victim, s *postgrestest.Server, _ string) {
	set := func(to string) func(t *testing.T) {
		return func(t *testing.T) { t.Helper(); s.Configure(t, "default_transaction_read_only = "+to) }
	}
	v.strike, v.heal = set("on"), set("off")
}

// fullDatabase has the tables on a small volume of their own.
func fullDatabase(t *testing.T, v *victim, s *postgrestest.Server, name string) {
	t.Helper()
	disk := must1(s.Folder())(t)
	mountSmall(t, disk)
	space := must1(s.FolderIn(disk))(t)
	conn := must1(pgx.Connect(t.Context(), s.URI("postgres")))(t)
	for _, sql := range []string{
		"CREATE TABLESPACE small LOCATION '" + space + "'",
		"ALTER DATABASE " + name + " SET default_tablespace = small",
	} {
		must1(conn.Exec(t.Context(), sql))(t)
	}
	must(t, conn.Close(t.Context()))
	t.Cleanup(func() { must(t, s.Shutdown()) }) // before the disk goes
	v.strike = func(t *testing.T) {
		t.Helper()
		free := fill(t, disk)
		v.heal = func(t *testing.T) {
			t.Helper()
			if !strings.Contains(v.disp.Output(), "the database's disk is full; enlarge it") && !v.idle {
				t.Error("the log does not say why")
			}
			free()
		}
	}
}

// failover kills the primary for good and promotes the standby that every commit has waited for.
func failover(t *testing.T, v *victim) {
	t.Helper()
	primary := postgrestest.Start(t, postgrestest.Options{Network: postgrestest.TCP})
	name := primary.NewDatabase(t)
	standby := primary.Standby(t, "127.0.0.1")
	both := strings.Replace(primary.URI(name), primary.Addr(), primary.Addr()+","+standby.Addr(), 1)
	v.world = prepare(t, storeKind{"postgres", func(testing.TB) config.Store { return process.DatabaseAt(both) }})
	v.disp.Start(t)
	v.strike = func(t *testing.T) {
		t.Helper()
		must(t, primary.Kill9())
		v.refuses(t)
		must(t, standby.Promote(t.Context()))
	}
	v.heal = func(*testing.T) {}
}
