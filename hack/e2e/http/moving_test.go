package http_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offlinepush/operator/cmd/kubectl-offlinepush/plugin"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// mover runs kubectl offlinepush bindings in a folder with a server key.
type mover struct{ dir string }

func (w *world) newMover(t *testing.T) *mover {
	t.Helper()
	m := &mover{dir: t.TempDir()}
	must(t, os.WriteFile(m.path("key"), []byte(w.doc.Auth.ServerKeys[0].Reveal()), 0o600))
	return m
}

func (m *mover) path(name string) string { return filepath.Join(m.dir, name) }

// run runs a command on a dispatcher; it must succeed and say something.
func (m *mover) run(t *testing.T, d *process.Dispatcher, want, command string, flags ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &said, Err: &said})
	cmd.SetArgs(append([]string{"bindings", command, "--server", d.ServerURL, "--server-key-file", m.path("key")}, flags...))
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(said.String(), want) {
		t.Fatalf("%s: %v, want %q in:\n%s", command, err, want, said.String())
	}
}

// second starts a dispatcher of the same app with another store.
func (w *world) second(t *testing.T, store storeKind) *process.Dispatcher {
	t.Helper()
	doc := *w.doc
	doc.Store = store.open(t)
	w.secrets.addDocument(&doc)
	d := process.NewDispatcher(t, binaries, w.kept, &doc)
	d.Pod = "second"
	w.all = append(w.all, d)
	d.Start(t)
	return d
}

// An app moves between the stores while it is used, as docs/moving.md says.
func TestAppMovesToTheOtherStore(t *testing.T) {
	t.Parallel()
	for i, to := range eachStore() {
		from := eachStore()[1-i]
		t.Run(from.name+" to "+to.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, from)
			bobs, gone, changes := w.newPhone(t, vendors()[0]), w.newPhone(t, vendors()[1]), w.newPhone(t, vendors()[0])
			bobs.bind(t, "bob")
			gone.bind(t, "bob")
			changes.bind(t, "carol")
			former, m := w.disp, w.newMover(t)
			next := w.second(t, to)
			m.run(t, former, "holds 3 devices", "export", "--file", m.path("first"))
			m.run(t, next, "3 created", "import", "--file", m.path("first"))
			m.run(t, next, "they are the same", "verify", "--file", m.path("first"))

			must(t, gone.device().Unregister(t.Context()))
			changes.bind(t, "dave")
			m.run(t, former, "holds 2 devices", "export", "--file", m.path("second"))
			m.run(t, next, "1 devices are as in", "import", "--file", m.path("second"), "--former", m.path("first"))
			m.run(t, next, "they are the same", "verify", "--against-server", former.ServerURL, "--against-server-key-file", m.path("key"))

			w.disp = next // The switch.
			w.send(t, w.newMessage("alice", "bob", "carol", "dave"))
			bobs.arrivals(t, 1)
			changes.arrivals(t, 1)
			w.settled(t)
			bobs.silent(t, 1)
			changes.silent(t, 1)
			gone.silent(t, 0)
			_, messages := bobs.open(t, "bob") // with the secret of the former store
			if got := <-messages; got.Seq != 1 {
				t.Errorf("the first message at the new store has seq %d", got.Seq)
			}
		})
	}
}

// The rows of another system are pushed to at once, and their phones take over when they register.
func TestTokensOfAnotherSystem(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			m := w.newMover(t)
			table := "userID,vendor,token\n"
			phones := map[string]*handset{}
			for _, v := range vendors() {
				p := must1(w.sim.Client.CreatePhone(t.Context(), simulator.NewPhone{Vendor: v.row, App: v.app}))(t)
				phones[v.row] = &handset{world: w, vendor: v, id: p.ID, token: p.Token}
				w.secrets.add("a vendor token", p.Token)
				table += fmt.Sprintf("bob,%s,%q\n", v.api, p.Token)
			}
			must(t, os.WriteFile(m.path("tokens.csv"), []byte(table), 0o600))
			flags := []string{"--format", "csv", "--file", m.path("tokens.csv")}
			m.run(t, w.disp, "2 created", "import", flags...)
			m.run(t, w.disp, "2 devices are the same", "verify", flags...)
			w.send(t, w.newMessage("alice", "bob"))
			for _, h := range phones {
				h.arrivals(t, 1)
				h.credentials = must1(h.register(t.Context()))(t)
			}
			w.send(t, w.newMessage("alice", "bob")) // Nobody has logged in yet.
			phones["fcm"].bind(t, "bob")
			m.run(t, w.disp, "0 created, 0 updated, 0 unchanged, 2 outdated", "import", flags...)
			w.send(t, w.newMessage("alice", "bob"))
			phones["fcm"].arrivals(t, 2)
			w.settled(t)
			phones["fcm"].silent(t, 2)
			phones["xiaomi"].silent(t, 1)
		})
	}
}
