package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

const missing = "install Debian's packages with hack/postgres/install.sh, as make test does"

// workspace is the folder and the process group of everything that this process starts.
type workspace struct {
	dir      string
	bin      string
	password string
	// credential is who the servers run as: they refuse root. Nil means as this process.
	credential *syscall.Credential
	group      int
	cluster    func() (string, error)
	// lifeline is the pipe that the undertaker reads; the kernel closes it with this process.
	lifeline io.Closer
}

var openWorkspace = sync.OnceValues(func() (*workspace, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	credential, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Paths of sockets must be short, which those of testing.TB.TempDir are not.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir, bin: bin, password: rand.Text(), credential: credential}
	w.cluster = sync.OnceValues(w.initCluster)
	return w, errors.Join(w.own(dir), w.employUndertaker())
})

// undertaker waits until the process that owns the workspace is gone, ends
// the group and removes the folder, for which a server needs a moment to end.
const undertaker = `
trap '' QUIT
cat >/dev/null
kill -QUIT 0
kill -CONT 0
for i in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$0" 2>/dev/null
  sleep 0.1
  [ -e "$0" ] || exit 0
done
rm -rf "$0"`

// employUndertaker starts a shell that outlives this process, however it ends.
func (w *workspace) employUndertaker() error {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", undertaker, w.dir) //nolint:gosec // our own folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	w.lifeline = lifeline
	if err := cmd.Start(); err != nil {
		return err
	}
	w.group = cmd.Process.Pid
	return cmd.Process.Release()
}

// findBinaries finds the folder of the newest server: Debian keeps its programs out of the PATH.
func findBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL server in /usr/lib/postgresql or the PATH: %s: %w", missing, err)
	}
	return filepath.Dir(path), nil
}

func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
		}
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

func (w *workspace) binary(name string) string { return filepath.Join(w.bin, name) }

// command is a program of the workspace's group, with none of the caller's PG variables.
func (w *workspace) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...) //nolint:gosec // programs that were found on this machine
	cmd.Dir = w.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential, Setpgid: true, Pgid: w.group}
	return cmd
}

// folder makes a new folder of the servers' user.
func (w *workspace) folder(kind string) (string, error) {
	dir, err := os.MkdirTemp(w.dir, kind)
	if err != nil {
		return "", err
	}
	return dir, w.own(dir)
}

func (w *workspace) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return w.own(path)
}

func (w *workspace) own(path string) error {
	if w.credential == nil {
		return nil
	}
	return os.Chown(path, int(w.credential.Uid), int(w.credential.Gid))
}

// initCluster makes the cluster that all servers begin as.
func (w *workspace) initCluster() (string, error) {
	dir, err := w.folder("cluster")
	if err != nil {
		return "", err
	}
	password := filepath.Join(dir, "password")
	if err := w.write(password, w.password); err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	cmd := w.command(context.Background(), w.binary("initdb"), "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C",
		"--username="+Superuser, "--pwfile="+password, "--pgdata="+data)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return data, nil
}

func (w *workspace) copyCluster(ctx context.Context, to string) error {
	from, err := w.cluster()
	if err != nil {
		return err
	}
	if out, err := w.command(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the cluster: %w\n%s", err, out)
	}
	return nil
}
