package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// mount writes files as the kubelet does: a new folder, then one atomic swap of a link.
type mount struct {
	t   *testing.T
	dir string
}

func (m mount) swap(name string, content []byte) {
	m.t.Helper()
	sub := filepath.Join(m.dir, name)
	m.must(os.Mkdir(sub, 0o700))
	m.must(os.WriteFile(filepath.Join(sub, FileName), content, 0o600))
	m.must(os.Symlink(name, filepath.Join(m.dir, "..data_tmp")))
	m.must(os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")))
}

func (m mount) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// logged passes on every log line.
type logged chan string

func (l logged) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestLiveFollowsTheMountedSecret(t *testing.T) {
	t.Parallel()
	m := mount{t, t.TempDir()}
	first, err := Encode(valid())
	m.must(err)
	m.swap("..1", first)
	m.must(os.Symlink(filepath.Join("..data", FileName), filepath.Join(m.dir, FileName)))
	lines := make(logged, 16)
	live, err := Open(filepath.Join(m.dir, FileName), slog.New(slog.NewTextHandler(lines, nil)))
	m.must(err)
	_, changed := live.Current()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- live.Watch(ctx) }()

	m.swap("..2", []byte(`{"version":"1.0"}`))
	select {
	case <-lines:
	case <-ctx.Done():
		t.Fatal("the bad document was not noticed")
	}
	if got, _ := live.Current(); got.Hash != Hash(first) || live.Err() == nil {
		t.Errorf("a bad document replaced the good one, or was not noticed: %v", live.Err())
	}

	next := valid()
	next.Channels = next.Channels[:1]
	second, err := Encode(next)
	m.must(err)
	m.swap("..3", second)
	select {
	case <-changed:
	case <-ctx.Done():
		t.Fatal("the new document was not loaded")
	}
	if got, _ := live.Current(); got.Hash != Hash(second) || live.Err() != nil {
		t.Errorf("got hash %s, error %v", got.Hash, live.Err())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLiveRefusesAnotherApp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), FileName)
	d := valid()
	b, err := Encode(d)
	mount{t, ""}.must(err)
	mount{t, ""}.must(os.WriteFile(path, b, 0o600))
	live, err := Open(path, slog.New(slog.DiscardHandler))
	mount{t, ""}.must(err)
	d.App.AppID = "other"
	b, err = Encode(d)
	mount{t, ""}.must(err)
	mount{t, ""}.must(os.WriteFile(path, b, 0o600))
	if err := live.Reload(); err == nil {
		t.Error("a document of another app was taken")
	}
	if got, _ := live.Current(); got.App.AppID != "app-1" {
		t.Error("the old document is gone")
	}
}
