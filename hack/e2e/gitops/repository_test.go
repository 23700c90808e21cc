//go:build e2e

package gitops

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// branch is that of the sample.
const branch = "main"

// repository is a Git repository with a work tree, served over smart HTTP.
type repository struct {
	tree, url string
}

// serveRepository makes an empty repository, which any pod can fetch from the node's address until the test ends. Git's own
// server of smart HTTP is a CGI program.
func serveRepository(ctx context.Context, t *testing.T, address string) *repository {
	t.Helper()
	root := t.TempDir()
	r := &repository{tree: filepath.Join(root, "tree")}
	if _, err := git(ctx, root, "init", "--quiet", "--initial-branch="+branch, "--separate-git-dir=push.git", r.tree); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatalf("serving Git on the node's address: %v", err)
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: &cgi.Handler{
			Path: program, Args: []string{"http-backend"}, Root: "/",
			Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
		},
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends with Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	r.url = "http://" + listener.Addr().String() + "/push.git"
	return r
}

// commit commits the whole work tree and returns the revision as Flux writes it.
func (r *repository) commit(ctx context.Context, message string) (string, error) {
	if _, err := git(ctx, r.tree, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := git(ctx, r.tree, "commit", "--quiet", "--message", message); err != nil {
		return "", err
	}
	return r.head(ctx)
}

// revert takes the last commit back by another one.
func (r *repository) revert(ctx context.Context) (string, error) {
	if _, err := git(ctx, r.tree, "revert", "--no-edit", "HEAD"); err != nil {
		return "", err
	}
	return r.head(ctx)
}

func (r *repository) head(ctx context.Context) (string, error) {
	hash, err := git(ctx, r.tree, "rev-parse", "HEAD")
	return branch + "@sha1:" + hash, err
}

// edit replaces texts in a file of the work tree; each must be there once.
func (r *repository) edit(file string, oldNew ...string) error {
	path := filepath.Join(r.tree, file)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(b)
	for i := 0; i < len(oldNew); i += 2 {
		if n := strings.Count(text, oldNew[i]); n != 1 {
			return fmt.Errorf("%s has %q %d times, want once", file, oldNew[i], n)
		}
		text = strings.Replace(text, oldNew[i], oldNew[i+1], 1)
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// git runs Git without anybody's settings.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=gitops", "GIT_AUTHOR_EMAIL=gitops@example.com", "GIT_COMMITTER_NAME=gitops", "GIT_COMMITTER_EMAIL=gitops@example.com")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}
