package http_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// smallDisk mounts a file system in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mountSmall(t, dir)
	return dir
}

func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatalf("mounting a small disk: %v; run this test as root in a container that may mount", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
}

// fill leaves no byte free, and returns how to undo that.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f := must1(os.Create(name))(t)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err == nil {
			continue
		} else if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
	}
	return func() { must(t, os.Remove(name)) }
}

// A full disk is answered with 503 and when to come back, for accepting and for binding alike. When there
// is space again everything works in the same process, and nothing that was acknowledged is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := prepare(t, sqlite())
	disk := smallDisk(t)
	w.disp.DataDir = filepath.Join(disk, "store")
	w.disp.Start(t)
	t.Cleanup(w.disp.Kill) // before the disk goes
	phones := w.receivers(t, "ann", "ben")
	before := w.disp.Report(t)
	free := fill(t, disk)

	acked := map[string]string{}
	refused := w.sendUntilRefused(t, acked)
	if e := refused; e.Status != http.StatusServiceUnavailable || e.Code != wire.CodeStoreUnavailable || e.RetryAfter < time.Second {
		t.Errorf("a full disk was answered with %+v, Retry-After %s", e.Problem, e.RetryAfter)
	}
	_, err := phones["ann"].device().Bind(t.Context(), w.userToken(t, "ben"))
	if client.CodeOf(err) != wire.CodeStoreUnavailable {
		t.Errorf("binding on a full disk: %v, want %s", err, wire.CodeStoreUnavailable)
	}
	if r := w.disp.Report(t); r.Store.Ready || !strings.Contains(r.Store.Error, "volume is full") {
		t.Errorf("the report says of the store: %+v", r.Store)
	}
	free()
	l := w.startLoad(t, "ann", "ben")
	l.awaitMore(t, 20)
	maps.Copy(acked, l.stop())
	w.settled(t)
	delivered(t, acked, phones)
	after := w.disp.Report(t)
	if want := int64(len(acked)); after.Account.Admitted != want || after.Account.Handed != want {
		t.Errorf("%d messages were acknowledged, the account says %+v", want, after.Account)
	}
	if !after.StartedAt.Equal(before.StartedAt) {
		t.Error("the process started anew")
	}
}

// sendUntilRefused sends messages of some size until the disk has no room for one.
func (w *world) sendUntilRefused(t *testing.T, acked map[string]string) *client.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := 0; ; n++ {
		m := w.newMessage("alice", "ann")
		m.Push.Payload = addressed("ann", -n)
		m.Body += strings.Repeat("x", 16<<10)
		_, err := w.server().Send(ctx, m)
		if err == nil {
			acked[m.Push.Payload] = "ann"
			continue
		}
		e, ok := errors.AsType[*client.Error](err)
		if !ok {
			t.Fatal(fmt.Errorf("sending on a full disk: %w", err))
		}
		return e
	}
}
