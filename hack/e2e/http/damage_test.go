package http_test

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// A damaged file is noticed by the first who reads what is damaged, and the file and the cure are named. From then on
// nothing is accepted, also not by a process that starts with it: that one waits until a backup is in its place, and
// goes on without a restart.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite())
	phones := w.receivers(t, "ann", "ben")
	w.fault(t, phones["ann"].row, traffic.Fault{Status: http.StatusServiceUnavailable}) // pending, and so in use
	w.send(t, w.newMessage("alice", "ann"))
	backup := w.command(t, nil, "backup", "--to", "-")
	w.clearFault(t, phones["ann"].row)
	w.settled(t)

	file := filepath.Join(w.disp.DataDir, "store.db")
	w.stop(t)
	spoilPages(t, file)
	w.disp.Launch(t)
	w.disp.AwaitAdmin(t)
	w.says(t, "damaged", file, "restore it from a backup")
	if w.disp.Ready(t) {
		t.Error("it takes requests with a damaged store")
	}
	started := w.disp.Report(t).StartedAt
	w.command(t, backup, "restore", "--from", "-", "--replace")
	w.command(t, nil, "restored")
	w.disp.AwaitReady(t)
	if got := w.disp.Report(t).StartedAt; !got.Equal(started) {
		t.Error("the process started anew")
	}
	phones["ben"].bind(t, "ben")
	m := w.newMessage("alice", "ben")
	w.send(t, m)
	if got := phones["ben"].arrivals(t, 1)[0].Title; got != m.Push.Title {
		t.Errorf("the phone shows %q, want %q", got, m.Push.Title)
	}
	w.settled(t)
	phones["ann"].silent(t, 1)
}

// A page that is spoilt under a working dispatcher is noticed by the first who reads it. It refuses everything from then
// on, and says why.
func TestStoreDamagedWhileItWorks(t *testing.T) {
	t.Parallel()
	v := &victim{world: newWorld(t, sqlite())}
	v.receivers(t, "ann", "ben")
	v.stop(t)
	v.disp.Start(t) // it has read the file once, and its readers have not
	file := filepath.Join(v.disp.DataDir, "store.db")
	spoilPages(t, file)
	v.refuses(t)
	v.says(t, "damaged", file)
	v.refuses(t)
}

// A volume that the kernel has made read-only, because its disk fails, refuses everything and loses nothing. It cannot be
// made writable again under an open file: what was acknowledged is there for the next process.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	v := &victim{world: prepare(t, sqlite())}
	disk := newFailingDisk(t)
	v.disp.DataDir = filepath.Join(disk.dir, "store")
	v.disp.Start(t)
	t.Cleanup(v.disp.Kill) // before the disk goes
	phones := v.receivers(t, "ann", "ben")
	session, _ := v.newPhone(t, vendors()[0]).open(t, "liv")
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }() // until the dispatcher is killed
	l := v.startLoad(t, "ann", "ben")
	l.awaitMore(t, 20)
	acked := l.stop()
	v.settled(t) // Linux 6.18 calls a sync good that it was doing when it gave up the disk, and one in ten such writes is gone
	disk.fail(t)
	v.refuses(t)
	v.says(t, "look at the node's kernel log")
	select {
	case err := <-ended:
		t.Errorf("the session ended: %v", err)
	default:
	}
	v.disp.Kill()
	disk.unmount(t)
	disk.mount(t)
	disk.run(t, "mount", "-o", "remount,ro", disk.dir)
	v.disp.Launch(t)
	v.disp.AwaitAdmin(t)
	v.says(t, "read-only")
	disk.run(t, "mount", "-o", "remount,rw", disk.dir)
	v.disp.AwaitReady(t)
	l = v.startLoad(t, "ann", "ben")
	l.awaitMore(t, 20)
	maps.Copy(acked, l.stop())
	delivered(t, acked, phones)
	v.settled(t)
	if a := v.disp.Report(t).Account; a.Handed != int64(len(acked)) {
		t.Errorf("%d messages were acknowledged, the account says %+v", len(acked), a)
	}
}

// stop ends the dispatcher in good order, which leaves no log beside the store.
func (w *world) stop(t *testing.T) {
	t.Helper()
	w.disp.Terminate(t)
	must1(w.disp.Wait(t.Context()))(t)
}

// failingDisk is a file system in a file.
type failingDisk struct{ image, dir string }

func newFailingDisk(t *testing.T) *failingDisk {
	t.Helper()
	d := &failingDisk{image: filepath.Join(t.TempDir(), "image"), dir: t.TempDir()}
	must(t, os.WriteFile(d.image, nil, 0o600))
	must(t, os.Truncate(d.image, 32<<20))
	d.run(t, "mkfs.ext4", "-q", d.image)
	d.mount(t)
	t.Cleanup(func() { _ = unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (*failingDisk) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v; run this test as root in a container that may mount\n%s", name, err, out)
	}
}

func (d *failingDisk) mount(t *testing.T) {
	t.Helper()
	d.run(t, "mount", "-o", "loop,errors=remount-ro", d.image, d.dir)
}

func (d *failingDisk) unmount(t *testing.T) {
	t.Helper()
	must(t, unix.Unmount(d.dir, 0))
}

// fail has the kernel do what it does when the disk fails.
func (d *failingDisk) fail(t *testing.T) {
	t.Helper()
	d.run(t, "mount", "-o", "remount,abort", d.dir)
}

// spoilPages turns over the bytes of all pages of a database but the first.
func spoilPages(t *testing.T, file string) {
	t.Helper()
	const page = 4096
	f := must1(os.OpenFile(file, os.O_RDWR, 0))(t)
	defer f.Close()
	info := must1(f.Stat())(t)
	b := make([]byte, info.Size()-page)
	must1(f.ReadAt(b, page))(t)
	for i := range b {
		b[i] ^= 0x5a
	}
	must1(f.WriteAt(b, page))(t)
}
