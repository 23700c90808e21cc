package http_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// backups are how the store of a world is backed up while it works, and put into an empty place: the commands
// of docs/backup.md.
type backups struct {
	kind   storeKind
	backUp func(*testing.T, *world) []byte
	// restore leaves the dispatcher, which is stopped, with the restored store.
	restore func(*testing.T, *world, []byte)
}

func eachBackup(t *testing.T) []backups {
	t.Helper()
	server := postgrestest.Shared(t)
	var name string
	return []backups{
		{
			sqlite(),
			func(t *testing.T, w *world) []byte {
				t.Helper()
				return w.command(t, nil, "backup", "--to", "-")
			},
			func(t *testing.T, w *world, backup []byte) {
				t.Helper()
				w.disp.DataDir = t.TempDir()
				w.command(t, backup, "restore", "--from", "-")
			},
		},
		{
			storeKind{"postgres", func(tb testing.TB) config.Store {
				tb.Helper()
				name = server.NewDatabase(tb)
				return process.DatabaseAt(server.URI(name))
			}},
			func(t *testing.T, w *world) []byte {
				t.Helper()
				return w.tool(t, server, nil, "pg_dump", "--format=custom", "--schema=chat", "--dbname="+server.URI(name))
			},
			func(t *testing.T, w *world, backup []byte) {
				t.Helper()
				uri := server.URI(server.NewDatabase(t))
				w.tool(t, server, backup, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+uri)
				w.doc.Store = process.DatabaseAt(uri)
				w.disp.Configure(t, w.doc)
			},
		},
	}
}

// command runs a command of the dispatcher, which must succeed.
func (w *world) command(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	out, said, err := w.disp.Command(t, bytes.NewReader(in), args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, said)
	}
	return out
}

// tool runs a program of PostgreSQL.
func (*world) tool(t *testing.T, s *postgrestest.Server, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := s.Tool(t.Context(), name, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said.String())
	}
	return out.Bytes()
}

// says waits until the report says something of the store.
func (w *world) says(t *testing.T, words ...string) (last report.Store) {
	t.Helper()
	until(t, fmt.Sprintf("the report says of the store: %q", words), func() error {
		last = w.disp.Report(t).Store
		for _, word := range words {
			if last.Ready || !strings.Contains(last.Error, word) {
				return fmt.Errorf("it says %+v", last)
			}
		}
		return nil
	})
	return last
}

// A backup of a working store, restored into an empty place after the store is gone, does nothing until somebody said
// what it is. Then no phone shows what is for who had it at the time of the backup, nor what was pending then; whoever
// logs in has all that the backup has, and everything new under places that no phone has seen.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	for _, b := range eachBackup(t) {
		t.Run(b.kind.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, b.kind)
			phones := w.receivers(t, "ann", "ben")
			ann, ben := phones["ann"], phones["ben"]
			w.send(t, w.newMessage("alice", "ann"))
			ann.arrivals(t, 1)
			w.fault(t, ann.row, traffic.Fault{Status: http.StatusServiceUnavailable})
			w.send(t, w.newMessage("alice", "ann"))
			backup := b.backUp(t, w)
			lost, live := ben.open(t, "ben")
			for range 3 {
				w.send(t, w.newMessage("alice", "ben"))
				next(t, live)
			}
			ann.bind(t, "eve")
			lost.Close()
			w.disp.Kill()
			w.clearFault(t, ann.row)

			b.restore(t, w, backup)
			w.disp.Launch(t)
			w.disp.AwaitAdmin(t)
			w.says(t, "copy", "dispatcher restored", "--complete")
			if w.disp.Ready(t) {
				t.Error("it takes requests before anybody said what the store is")
			}
			w.command(t, nil, "restored")
			w.disp.AwaitReady(t)

			w.send(t, w.newMessage("alice", "ann", "ben"))
			w.settled(t)
			ann.silent(t, 1)
			w.catchesUp(t, ben, "ben", 3)
			w.catchesUp(t, w.newPhone(t, ann.vendor), "ann", 0, 1, 2)
			ann.bind(t, "eve")
			forEve := w.newMessage("alice", "eve")
			w.send(t, forEve)
			if got := ann.arrivals(t, 2)[1].Title; got != forEve.Push.Title {
				t.Errorf("eve's phone shows %q, want %q", got, forEve.Push.Title)
			}
		})
	}
}

// catchesUp logs in, and checks that the places of before the backup come and then one that is behind all that a phone
// has seen.
func (w *world) catchesUp(t *testing.T, h *handset, user string, seen int64, places ...int64) {
	t.Helper()
	_, messages := h.open(t, user)
	for _, want := range places {
		if got := next(t, messages); got.Seq != want {
			t.Errorf("%s got place %d, want %d", user, got.Seq, want)
		}
	}
	if got := next(t, messages); got.Seq <= max(seen, 1000) {
		t.Errorf("%s got a new message at place %d, and has seen %d", user, got.Seq, seen)
	}
}
