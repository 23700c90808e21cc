package plugin_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/cmd/kubectl-offlinepush/plugin"
	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// shell runs commands in a folder of its own, with a server key in the file key.
type shell struct {
	dir    string
	pauses []time.Duration
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir()}
	s.write(t, "key", planetest.ServerKey+"\n")
	return s
}

func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

func (s *shell) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *shell) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// try runs kubectl offlinepush bindings; {name} in an argument is a file of the folder.
func (s *shell) try(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := plugin.New(plugin.Streams{
		In: strings.NewReader(""), Out: &stdout, Err: &stderr,
		Wait: func(ctx context.Context, d time.Duration) error {
			s.pauses = append(s.pauses, d)
			return ctx.Err()
		},
	})
	all := []string{"bindings"}
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "{"); ok {
			a = s.path(strings.TrimSuffix(name, "}"))
		}
		all = append(all, a)
	}
	cmd.SetArgs(all)
	err = cmd.ExecuteContext(t.Context())
	if shown := fmt.Sprint(stderr.String(), err); strings.Contains(shown, planetest.ServerKey) || strings.Contains(shown, "token of") {
		t.Errorf("a secret is shown: %s", shown)
	}
	return stdout.String(), stderr.String(), err
}

// run is try of a command that must succeed.
func (s *shell) run(t *testing.T, args ...string) (said string) {
	t.Helper()
	_, said, err := s.try(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
	return said
}

// fails is try of a command whose error must say something.
func (s *shell) fails(t *testing.T, want string, args ...string) (said string) {
	t.Helper()
	_, said, err := s.try(t, args...)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: got %v, want %q\n%s", args, err, want, said)
	}
	return said
}

// at are the flags of a server plane over TLS.
func (s *shell) at(t *testing.T, server *httptest.Server, prefix string) []string {
	t.Helper()
	name := prefix + "ca" + filepath.Base(server.URL)
	s.write(t, name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return []string{
		"--" + prefix + "server", server.URL, "--" + prefix + "server-key-file", "{key}", "--" + prefix + "ca", "{" + name + "}",
	}
}

func with(command string, flags []string, more ...string) []string {
	return append(append([]string{command}, flags...), more...)
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

// exported is a file of n devices with cursors 1 to n.
func exported(n int) string {
	var b bytes.Buffer
	var sum bulk.Sum
	for i := range n {
		d := wire.DeviceRecord{
			PushID: fmt.Sprintf("device-%d", i+1), Vendor: "FCM", AppType: 1, Tokens: map[string]string{"alert": fmt.Sprint("token of ", i+1)},
			UserID: fmt.Sprint("bob ", i), RegisteredAt: start, SeenAt: start.Add(time.Duration(i) * time.Millisecond), Cursor: int64(i + 1),
		}
		b.Write(bulk.Encode(d))
		sum.Add(d)
	}
	b.Write(bulk.Encode(sum.Total()))
	return b.String()
}

// start is recent enough for every retention.
var start = time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)

func TestBindingsMoveBetweenStores(t *testing.T) {
	t.Parallel()
	from, to, s := planetest.New(t), planetest.New(t), newShell(t)
	source, target := s.at(t, from.Server, ""), s.at(t, to.Server, "")
	var secrets []string
	for i := range 7 {
		c, _ := from.Phone(t, "Xiaomi", fmt.Sprint("user ", i))
		secrets = append(secrets, c.PushID, c.DeviceSecret)
	}
	wants(t, s.run(t, with("export", source, "--file", "{out}")...), "holds 7 devices, checksum ")
	if info, err := os.Stat(s.path("out")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the tokens: %v %v", info, err)
	}
	s.fails(t, "7 devices differ", with("verify", target, "--file", "{out}")...)
	wants(t, s.run(t, with("import", target, "--file", "{out}")...), "7 created, 0 updated, 0 unchanged, 0 outdated, 0 refused", "the file holds the same")
	wants(t, s.run(t, with("import", target, "--file", "{out}")...), "0 created, 0 updated, 7 unchanged, 0 outdated, 0 refused")
	wants(t, s.run(t, with("verify", target, "--file", "{out}")...), "they are the same")
	wants(t, s.run(t, append(with("verify", target), s.at(t, from.Server, "against-")...)...), "they are the same")
	for i := 0; i < len(secrets); i += 2 {
		if _, err := to.Bindings.Authenticate(t.Context(), secrets[i], secrets[i+1]); err != nil {
			t.Errorf("the phone's secret: %v", err)
		}
	}
	if _, err := os.Stat(s.path("out.state")); !os.IsNotExist(err) {
		t.Errorf("the state is left behind: %v", err)
	}
	out, _, err := s.try(t, with("export", source)...)
	if err != nil || out != s.read(t, "out") {
		t.Errorf("standard output differs from the file: %v", err)
	}
}

func TestExportIsResumed(t *testing.T) {
	t.Parallel()
	bed, s := planetest.New(t), newShell(t)
	flags := s.at(t, bed.Server, "")
	for i := range 5 {
		bed.Phone(t, "FCM", fmt.Sprint("user ", i))
	}
	s.run(t, with("export", flags, "--file", "{whole}")...)
	whole := s.read(t, "whole")
	lines := strings.SplitAfter(whole, "\n")
	for name, part := range map[string]string{
		"nothing":           "",
		"half of the first": lines[0][:20],
		"more than is left": strings.Join(lines[:5], "") + strings.Repeat("{", 500),
		"a line":            lines[0],
		"without its end":   strings.TrimSuffix(lines[0], "\n"),
		"two and a half":    lines[0] + lines[1] + lines[2][:len(lines[2])/2],
		"without the total": strings.Join(lines[:5], ""),
		"half of the total": whole[:len(whole)-20],
		"a total without n": whole[:len(whole)-1],
	} {
		s.write(t, "part", part)
		said := s.run(t, with("export", flags, "--file", "{part}")...)
		if got := s.read(t, "part"); got != whole {
			t.Errorf("%s: got\n%s, want\n%s", name, got, whole)
		}
		wants(t, said, "holds 5 devices, checksum ")
	}
	s.fails(t, "complete export; choose another file", with("export", flags, "--file", "{whole}")...)
	s.write(t, "words", "words\nand more\n")
	s.fails(t, "is no export: line 1", with("export", flags, "--file", "{words}")...)
	if s.read(t, "words") != "words\nand more\n" {
		t.Error("a refusal changed the file")
	}
}

func TestExportGoesOnInTheSameStoreOnly(t *testing.T) {
	t.Parallel()
	one, other, s := planetest.New(t), planetest.New(t), newShell(t)
	for i := range 3 {
		one.Phone(t, "FCM", fmt.Sprint("user ", i))
		other.Phone(t, "FCM", fmt.Sprint("user ", i))
	}
	s.run(t, with("export", s.at(t, one.Server, ""), "--file", "{out}")...)
	whole := s.read(t, "out")
	s.write(t, "out", strings.Join(strings.SplitAfter(whole, "\n")[:2], ""))
	s.fails(t, "was begun with another store; choose another file", with("export", s.at(t, other.Server, ""), "--file", "{out}")...)
	s.run(t, with("export", s.at(t, one.Server, ""), "--file", "{out}")...)
	if s.read(t, "out") != whole {
		t.Error("a refusal changed the file")
	}
}

func TestLogOutAndUnregisterMoveToo(t *testing.T) {
	t.Parallel()
	from, to, s := planetest.New(t), planetest.New(t), newShell(t)
	source, target := s.at(t, from.Server, ""), s.at(t, to.Server, "")
	ctx := t.Context()
	phone := func(user string) int64 {
		_, d := from.Phone(t, "FCM", user)
		return d.Key
	}
	phone("stays")
	leaves, changes, unregisters := phone("leaves"), phone("changes"), phone("unregisters")
	phone("is replaced")
	back := phone("is back at the new store")
	s.run(t, with("export", source, "--file", "{first}")...)
	s.run(t, with("import", target, "--file", "{first}")...)
	move := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	move(from.Bindings.Logout(ctx, leaves))
	_, err := from.Bindings.Bind(ctx, changes, "somebody else")
	move(err)
	move(from.Bindings.Unregister(ctx, unregisters))
	move(from.Bindings.Unregister(ctx, back))
	phone("is replaced") // This registers the same token.
	found, err := to.Store.DevicesOf(ctx, []string{"is back at the new store"})
	move(err)
	_, err = to.Bindings.Bind(ctx, found["is back at the new store"][0].Key, "bob")
	move(err)
	s.run(t, with("export", source, "--file", "{second}")...)
	s.fails(t, "was seen later in "+s.path("second")+": exchange the two files", with("import", target, "--file", "{first}", "--former", "{second}")...)
	wants(t, s.run(t, with("import", target, "--file", "{second}", "--former", "{first}")...), "1 devices are as in "+s.path("first")+", 3 of it are gone since")
	users := []string{"stays", "leaves", "changes", "somebody else", "unregisters", "is replaced", "bob"}
	got, err := to.Store.DevicesOf(ctx, users)
	move(err)
	for _, user := range users {
		bound := map[string]int{"stays": 1, "somebody else": 1, "is replaced": 1, "bob": 1}
		if len(got[user]) != bound[user] {
			t.Errorf("%s has %d devices, want %d", user, len(got[user]), bound[user])
		}
	}
	said := s.fails(t, "1 devices differ", append(with("verify", target), s.at(t, from.Server, "against-")...)...)
	wants(t, said, "1 only in the store: ")
	s.run(t, append(with("verify", target, "--live"), s.at(t, from.Server, "against-")...)...)

	// What a phone deletes at the new store does not come back with the next pass.
	move(to.Bindings.Unregister(ctx, got["stays"][0].Key))
	s.run(t, with("export", source, "--file", "{third}")...)
	wants(t, s.run(t, with("import", target, "--file", "{third}", "--former", "{second}")...),
		"4 devices are as in "+s.path("second")+", 0 of it are gone since", "0 created")
}
