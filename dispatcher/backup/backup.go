// Package backup holds the commands of the dispatcher's program by which people
// back a store up, put a backup back, and take what was restored into use.
package backup

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
)

// Where a dispatcher has what it works with, unless its flags say otherwise.
const (
	DefaultConfig  = "/etc/offlinepush/config.json"
	DefaultDataDir = "/var/lib/offlinepush"
)

// stdio stands for the standard input or output in the place of a file.
const stdio = "-"

// lockPatience is how long a command waits for a dispatcher that looks whether its store works by now, and for leases
// of dispatchers that are gone.
const lockPatience = time.Minute

// Streams are the command's own.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// command is one invocation.
type command struct {
	Streams
	flags   *flag.FlagSet
	config  *string
	dataDir *string
}

// Run runs the command that the first argument names.
func Run(ctx context.Context, args []string, s Streams) error {
	c := &command{Streams: s, flags: flag.NewFlagSet(args[0], flag.ContinueOnError)}
	c.flags.SetOutput(s.Err)
	c.config = c.flags.String("config", DefaultConfig, "the mounted configuration")
	c.dataDir = c.flags.String("data-dir", DefaultDataDir, "the folder of the SQLite store")
	switch args[0] {
	case "backup":
		return c.backup(ctx, args[1:])
	case "restore":
		return c.restore(ctx, args[1:])
	case "restored":
		return c.restored(ctx, args[1:])
	}
	return fmt.Errorf("%q is no command; there are backup, restore and restored, and without one a dispatcher runs", args[0])
}

func (c *command) parse(args []string) error {
	if err := c.flags.Parse(args); err != nil {
		return err
	}
	if c.flags.NArg() > 0 {
		return fmt.Errorf("%s: %q is no flag", c.flags.Name(), c.flags.Arg(0))
	}
	return nil
}

func (c *command) backup(ctx context.Context, args []string) error {
	to := c.flags.String("to", "", "the file to write, or - for the standard output")
	if err := c.parse(args); err != nil {
		return err
	}
	switch *to {
	case "":
		return errors.New("backup: --to must name a file, or - for the standard output")
	case stdio:
		return c.backupToOutput(ctx)
	}
	if err := sqlite.Backup(ctx, *c.dataDir, *to); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.Err, "%s holds the store; keep it together with the Secret of the app's keys\n", *to)
	return err
}

// backupToOutput goes by way of a file beside the store: it is checked before the first byte leaves.
func (c *command) backupToOutput(ctx context.Context) (err error) {
	name := filepath.Join(*c.dataDir, "backup")
	if err := sqlite.Backup(ctx, *c.dataDir, name); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(name)) }()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(c.Out, f)
	return errors.Join(err, f.Close())
}

func (c *command) restore(ctx context.Context, args []string) error {
	from := c.flags.String("from", "", "the backup, or - for the standard input")
	replace := c.flags.Bool("replace", false, "move a store aside that is there already")
	inPlace := c.flags.Bool("in-place", false, "the store is there, from a snapshot of its volume: check it and mark it as a copy")
	if err := c.parse(args); err != nil {
		return err
	}
	if *inPlace == (*from != "") {
		return errors.New("restore: either --from must name a backup, or - for the standard input, or --in-place be given")
	}
	if *inPlace {
		return patiently(ctx, func() error { return sqlite.MarkCopy(ctx, *c.dataDir) })
	}
	in, err := c.input(*from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	var aside string
	if err := patiently(ctx, func() error {
		aside, err = sqlite.Restore(ctx, in, *c.dataDir, *replace)
		return err
	}); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if aside != "" {
		_, _ = fmt.Fprintln(c.Err, "the former store is", aside)
	}
	_, err = fmt.Fprintln(c.Err, "the backup is in its place; the dispatcher will not use it before you run restored")
	return err
}

func (c *command) input(from string) (io.ReadCloser, error) {
	if from == stdio {
		return io.NopCloser(c.In), nil
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("restore: --from: %w", err)
	}
	return f, nil
}

func (c *command) restored(ctx context.Context, args []string) error {
	complete := c.flags.Bool("complete", false, "nothing was written to the original after the backup: phones stay bound")
	if err := c.parse(args); err != nil {
		return err
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	if err := patiently(ctx, func() error {
		if doc.Store.Postgres != nil {
			return postgres.Restored(ctx, c.postgres(doc), *complete)
		}
		return sqlite.Restored(ctx, c.sqlite(doc), *complete)
	}); err != nil {
		return fmt.Errorf("restored: %w", err)
	}
	said := "every phone is unbound until its user logs in again, and what was pending is cancelled"
	if *complete {
		said = "every phone is bound as it was, and what was pending goes on"
	}
	_, err = fmt.Fprintln(c.Err, "the store is in use:", said)
	return err
}

// patiently waits while a dispatcher has the store for a moment.
func patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for {
		err := do()
		if !errors.Is(err, sqlite.ErrHeld) && !errors.Is(err, postgres.ErrHeld) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}

func (c *command) document() (*config.Document, error) {
	live, err := config.Open(*c.config, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.flags.Name(), err)
	}
	current, _ := live.Current()
	return current.Document, nil
}

func (c *command) sqlite(doc *config.Document) sqlite.Options {
	return sqlite.Options{
		Dir: *c.dataDir, AppID: doc.App.AppID, Pod: "the command " + c.flags.Name(), SealingKey: doc.Keys.Sealing,
		Log: slog.New(slog.NewTextHandler(c.Err, nil)),
	}
}

func (c *command) postgres(doc *config.Document) postgres.Options {
	return postgres.Options{
		AppID: doc.App.AppID, SealingKey: doc.Keys.Sealing, Log: slog.New(slog.NewTextHandler(c.Err, nil)),
		Config: func() config.Postgres { return *doc.Store.Postgres },
	}
}
