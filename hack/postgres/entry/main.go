// Command entry starts the PostgreSQL of the demo's image. On the first start
// it makes the cluster, a role and a database that the role owns. It is for the
// demo and for tests only.
package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// bin is where Debian keeps the server's programs.
const bin = "/usr/lib/postgresql/15/bin/"

func main() {
	if err := run(os.Getenv("PGDATA"), os.Getenv("POSTGRES_USER"), os.Getenv("POSTGRES_PASSWORD")); err != nil {
		slog.Error("database not started", "error", err)
		os.Exit(1)
	}
}

// run becomes the server, with the arguments of this program. The server finds its files by its own full path.
func run(data, user, password string) error {
	if _, err := os.Stat(data); os.IsNotExist(err) {
		if err := create(data, user, password); err != nil {
			return err
		}
	}
	return syscall.Exec(bin+"postgres", append([]string{bin + "postgres", "-D", data}, os.Args[1:]...), os.Environ()) //nolint:gosec // our caller's own arguments
}

// create makes the cluster beside its place, so that it is there whole or not at all.
func create(data, user, password string) error {
	unfinished := data + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	err := program("", "initdb", "--pgdata="+unfinished, "--username=postgres", "--encoding=UTF8", "--locale=C", "--auth=reject")
	if err != nil {
		return err
	}
	err = program(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD %s;\nCREATE DATABASE %[1]s OWNER %[1]s;\n", quoted(user, `"`), quoted(password, "'")),
		// A statement that fails is not quoted, because it holds the password.
		"postgres", "--single", "-D", unfinished, "-c", "log_min_error_statement=panic", "postgres")
	if err != nil {
		return err
	}
	return os.Rename(unfinished, data)
}

// quoted writes a name or a text as SQL does.
func quoted(text, mark string) string { return mark + strings.ReplaceAll(text, mark, mark+mark) + mark }

// program runs one of the server's programs, whose output matters only when it fails.
func program(input, name string, args ...string) error {
	cmd := exec.Command(bin+name, args...) //nolint:gosec,noctx // PostgreSQL's own programs; nothing ends them but the container's end
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	// The single-user server reports a failed statement and goes on.
	if err == nil && bytes.Contains(out, []byte("ERROR:")) {
		err = os.ErrInvalid
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}
