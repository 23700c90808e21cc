package plugin_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// gate is in front of a server plane and lets requests through as it is told.
type gate struct {
	mu       sync.Mutex
	imports  []int                                      // the lines of each import that was let through
	problems func(r *http.Request, n int) *wire.Problem // of the nth import, from 1; nil lets all through
	n        int
}

func (g *gate) serve(t *testing.T, bed *planetest.Bed) *httptest.Server {
	t.Helper()
	return g.before(t, bed.Server.Config.Handler)
}

// remember is a store of push ids, where a bed's would be slow.
func (g *gate) remember(t *testing.T, bed *planetest.Bed) *httptest.Server {
	t.Helper()
	m := &memory{Bindings: bed.Bindings, Store: bed.Store, known: map[string]bool{}}
	return g.before(t, ingress.Server(ingress.ServerDeps{Live: bed.Live, Bindings: m, Store: m, Log: slog.New(slog.DiscardHandler)}))
}

type memory struct {
	ingress.Bindings
	ingress.Store
	known map[string]bool
}

func (m *memory) Import(_ context.Context, records []store.Record, _ time.Time) ([]store.Imported, error) {
	out := make([]store.Imported, len(records))
	for i, r := range records {
		out[i].Outcome = store.ImportCreated
		if m.known[r.Device.PushID] {
			out[i].Outcome = store.ImportUnchanged
		}
		m.known[r.Device.PushID] = true
	}
	return out, nil
}

func (g *gate) before(t *testing.T, plane http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if p := g.admit(r, bytes.Count(body, []byte("\n"))); p != nil {
			w.Header().Set("Retry-After", "3")
			p.Write(w)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		plane.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (g *gate) admit(r *http.Request, lines int) *wire.Problem {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Method != http.MethodPost {
		return nil
	}
	g.n++
	if g.problems != nil {
		if p := g.problems(r, g.n); p != nil {
			return p
		}
	}
	g.imports = append(g.imports, lines)
	return nil
}

func plain(s *httptest.Server) []string {
	return []string{"--server", s.URL, "--server-key-file", "{key}"}
}

func TestImportIsResumed(t *testing.T) {
	t.Parallel()
	bed, s, g := planetest.New(t), newShell(t), &gate{}
	server := g.serve(t, bed)
	s.write(t, "in", exported(2500))
	g.problems = func(_ *http.Request, n int) *wire.Problem {
		if n > 2 {
			return &wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.CodeStoreUnavailable, Detail: "no disk"}
		}
		return nil
	}
	s.fails(t, "no disk; run the same command again, it goes on behind line 2000", with("import", plain(server), "--file", "{in}")...)
	want := []time.Duration{3e9, 6e9, 12e9, 15e9, 15e9, 15e9, 15e9} // Retry-After is 3 seconds.
	if diff := cmp.Diff(want, s.pauses); diff != "" {
		t.Error(diff)
	}
	g.problems = nil
	said := s.run(t, with("import", plain(server), "--file", "{in}")...)
	wants(t, said, "going on behind line 2000", "2500 created, 0 updated, 0 unchanged", "the file holds the same")
	if diff := cmp.Diff([]int{1000, 1000, 501}, g.imports); diff != "" { // The total is a line, too.
		t.Error(diff)
	}
	if _, err := os.Stat(s.path("in.state")); !os.IsNotExist(err) {
		t.Errorf("the state is left behind: %v", err)
	}
}

func TestPlaceIsOfOneFileAndOneStore(t *testing.T) {
	t.Parallel()
	bed, s, g := planetest.New(t), newShell(t), &gate{}
	server := g.remember(t, bed)
	interrupt := func() {
		t.Helper()
		before := g.n
		g.problems = func(_ *http.Request, n int) *wire.Problem {
			if n > before+1 {
				return &wire.Problem{Status: http.StatusUnprocessableEntity, Code: wire.CodeInvalidRequest, Detail: "stop"}
			}
			return nil
		}
		s.fails(t, "goes on behind line 1000", with("import", plain(server), "--file", "{in}", "--state", "{place}")...)
		g.problems = nil
	}
	s.write(t, "in", exported(1001))
	interrupt()
	s.write(t, "in", exported(1002))
	said := s.run(t, with("import", plain(server), "--file", "{in}", "--state", "{place}")...)
	wants(t, said, "is of another import: starting at the first line", "2 created, 0 updated, 1000 unchanged")
	interrupt()
	other := (&gate{}).remember(t, bed)
	said = s.run(t, with("import", plain(other), "--file", "{in}", "--state", "{place}")...)
	wants(t, said, "is of another import: starting at the first line", "1002 created")
	s.write(t, "place", "{")
	wants(t, s.run(t, with("import", plain(server), "--file", "{in}", "--state", "{place}")...), "1002 unchanged")
}

func TestImportReadsTheWholeExportFirst(t *testing.T) {
	t.Parallel()
	bed, s, g := planetest.New(t), newShell(t), &gate{}
	server := g.serve(t, bed)
	whole := exported(3)
	lines := strings.SplitAfter(whole, "\n")
	for name, tt := range map[string]struct{ file, want string }{
		"no total":       {strings.Join(lines[:3], ""), "run the export again, or give --incomplete"},
		"a line less":    {lines[0] + lines[1] + lines[3], "line 3: the total is of 3 devices and there are 2"},
		"a line changed": {strings.Replace(whole, "bob", "eve", 1), "line 4: the total is of 3 devices and there are 3, or they were changed"},
		"two exports":    {whole + whole, "line 5: nothing may follow the total"},
		"no JSON":        {lines[0] + "}\n" + lines[1], "line 2: line: must be one JSON object"},
		"a long line":    {lines[0] + strings.Repeat("x", 70000), "line 2: must be at most 65536 bytes"},
	} {
		s.write(t, "in", tt.file)
		s.fails(t, tt.want, with("import", plain(server), "--file", "{in}")...)
		if g.n != 0 {
			t.Fatalf("%s: something was sent", name)
		}
	}
	s.write(t, "in", strings.Join(lines[:3], ""))
	wants(t, s.run(t, with("import", plain(server), "--file", "{in}", "--incomplete")...), "3 created")
}

func TestTokenTables(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Format(time.RFC3339)
	csv := "\ufeffuserID,token,vendor,appType,updatedAt\n" +
		"alice,token of alice,FCM,1,\n" +
		"\"bob, the first\",\"token of\nbob\",Xiaomi,,\n" +
		"carol,,FCM,,\n" +
		"dave,token of dave,fcm,,\n" +
		"erin,token of erin,FCM,many,\n" +
		"frank,token of frank,FCM,2,1999-01-01T00:00:00Z\n" +
		"grace,token of grace,FCM,2," + now + "\n"
	tokens := `{"userID":"alice","token":"token of alice","vendor":"FCM","appType":1}` + "\n\n" +
		`{"userID":"bob, the first","token":"token of\nbob","vendor":"Xiaomi"}` + "\n" +
		`{"userID":"carol","token":"","vendor":"FCM"}` + "\n" +
		`{"userID":"dave","token":"token of dave","vendor":"fcm"}` + "\n" +
		`{"userID":"erin","token":"token of erin","vendor":"FCM","appType":"many"}` + "\n" +
		`{"userID":"frank","token":"token of frank","vendor":"FCM","appType":2,"updatedAt":"1999-01-01T00:00:00Z"}` + "\n" +
		`{"userID":"grace","token":"token of grace","vendor":"FCM","appType":2,"updatedAt":"` + now + `"}`
	for format, table := range map[string]struct {
		content string
		refused [4]int
	}{"csv": {csv, [4]int{5, 6, 7, 8}}, "tokens": {tokens, [4]int{4, 5, 6, 7}}} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			bed, s := planetest.New(t), newShell(t)
			flags := append(s.at(t, bed.Server, ""), "--format", format, "--file", "{table}")
			s.write(t, "table", table.content)
			said := s.fails(t, "4 lines are refused, see above: correct them and import again", with("import", flags)...)
			wants(t, said, "3 created, 0 updated, 0 unchanged, 0 outdated, 4 refused")
			for i, want := range []string{"token: must not be empty", "vendor: must be one of FCM, Xiaomi", "appType: must be a whole number", "updatedAt: is before"} {
				wants(t, said, fmt.Sprintf("%s:%d: %s", s.path("table"), table.refused[i], want))
			}
			found, err := bed.Store.DevicesOf(t.Context(), []string{"alice", "bob, the first", "grace"})
			if err != nil || len(found) != 3 || found["bob, the first"][0].Selector.Region != "China" || found["grace"][0].Selector.AppType != 2 {
				t.Errorf("%+v, %v", found, err)
			}
			said = s.fails(t, "4 lines are refused", with("import", flags)...)
			wants(t, said, "0 created, 0 updated, 3 unchanged, 0 outdated, 4 refused")
		})
	}
}

func TestTokenTableIsVerified(t *testing.T) {
	t.Parallel()
	bed, s := planetest.New(t), newShell(t)
	flags := append(s.at(t, bed.Server, ""), "--format", "csv", "--file", "{table}")
	// The phone of the second row registers by itself later: planetest's Phone has such tokens.
	s.write(t, "table", "userID,vendor,token\nalice,Xiaomi,a\nbob,FCM,token of "+t.Name()+"bobFCM\n")
	past := time.Now().Add(-time.Minute)
	if err := os.Chtimes(s.path("table"), past, past); err != nil {
		t.Fatal(err)
	}
	s.fails(t, "2 devices differ", with("verify", flags)...)
	s.run(t, with("import", flags)...)
	wants(t, s.run(t, with("verify", flags)...), "2 devices are the same, nothing is missing")
	bed.Phone(t, "FCM", "bob")
	said := s.fails(t, "2 devices differ", with("verify", flags)...)
	wants(t, said, "1 replaced in the store by another device with the same token: ", "1 only in the store: ")
	s.run(t, with("verify", flags, "--live")...)
	wants(t, s.run(t, with("import", flags)...), "0 created, 0 updated, 1 unchanged, 1 outdated")
	s.write(t, "table", "userID,vendor,token\ncarol,Xiaomi,a\n")
	if err := os.Chtimes(s.path("table"), past, past); err != nil {
		t.Fatal(err)
	}
	wants(t, s.fails(t, "1 devices differ", with("verify", flags, "--live")...), "1 different in the store: ")
}

func TestImportOfAWrongFileEndsEarly(t *testing.T) {
	t.Parallel()
	bed, s, g := planetest.New(t), newShell(t), &gate{}
	s.write(t, "table", "userID,vendor,token\n"+strings.Repeat("bob,fcm,x\n", 5000))
	s.fails(t, "2000 lines are refused already: correct "+s.path("table"), with("import", plain(g.serve(t, bed)), "--format", "csv", "--file", "{table}")...)
	if diff := cmp.Diff([]int{1000, 1000}, g.imports); diff != "" {
		t.Error(diff)
	}
}

// A request has at most 4 MiB, however long the lines are.
func TestLongLinesAreSplitOverRequests(t *testing.T) {
	t.Parallel()
	bed, s, g := planetest.New(t), newShell(t), &gate{}
	var table strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&table, `{"userID":"bob","vendor":"FCM","token":"%d%s"}`+"\n", i, strings.Repeat("\\u0061", 4000))
	}
	s.write(t, "table", table.String())
	wants(t, s.run(t, with("import", plain(g.remember(t, bed)), "--format", "tokens", "--file", "{table}")...), "1500 created")
	if len(g.imports) < 9 {
		t.Errorf("%v lines a request", g.imports)
	}
}
