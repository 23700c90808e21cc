// Package plugin is kubectl offlinepush: it exports, imports and verifies the
// bindings of a dispatcher through its server plane, and shows the receipt URLs
// of an app.
package plugin

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Streams are where a command reads and writes. Out is for data only.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Wait waits before a request is sent again; nil means to wait for real.
	Wait func(context.Context, time.Duration) error
}

// New makes the command.
func New(s Streams) *cobra.Command {
	if s.Wait == nil {
		s.Wait = wait
	}
	root := &cobra.Command{
		Use:           "kubectl-offlinepush",
		Short:         "Work with Offline Push dispatchers",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl offlinepush"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	bindings := &cobra.Command{Use: "bindings", Short: "Move devices and their bindings between stores"}
	bindings.AddCommand(newExport(s), newImport(s), newVerify(s))
	root.AddCommand(bindings, newReceiptURLs(s))
	return root
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newExport(s Streams) *cobra.Command {
	var from endpoint
	var file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all devices with their bindings to a file, one JSON object a line",
		Long: `Write all devices with their bindings to a file, one JSON object a line.

The last line is their count and checksum. When the command is interrupted, run it again with the same file: it goes on
where the file ends. The file holds vendor tokens; it is made for its owner only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := from.connect(cmd.Context(), s)
			if err != nil {
				return err
			}
			return export(cmd.Context(), server, file)
		},
	}
	from.flags(cmd, "")
	cmd.Flags().StringVar(&file, "file", "", "file to write; standard output when empty, which cannot be resumed")
	return cmd
}

func newImport(s Streams) *cobra.Command {
	var to endpoint
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Store the devices of a file, as they were elsewhere",
		Long: `Store the devices of a file, as they were elsewhere.

Of two states of one device, or of two devices with one token, the one seen later stays: importing again is safe, also while
phones use the dispatcher. When the command is interrupted, run it again: it goes on where it was.

Formats: ndjson is what export writes; tokens has a row of another system's token table a line, as JSON; csv has the same
rows under a line with the names of the columns userID, vendor and token, and as needed appType, region, environment,
platform, kind and updatedAt.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			server, err := to.connect(cmd.Context(), s)
			if err != nil {
				return err
			}
			return importFile(cmd.Context(), server, o)
		},
	}
	to.flags(cmd, "")
	o.input.flags(cmd)
	cmd.Flags().StringVar(&o.state, "state", "", "file that remembers the place; the input's name with .state when empty")
	cmd.Flags().StringVar(&o.former, "former", "",
		"an earlier export that was imported: only what changed since is, and devices that are gone since lose token and user")
	cmd.Flags().BoolVar(&o.incomplete, "incomplete", false, "import an ndjson file that has no total, as an export that did not end")
	return cmd
}

func newVerify(s Streams) *cobra.Command {
	var store, other endpoint
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare a store with a file, or with another store",
		Long: `Compare a store with a file, or with another store, by count and checksum; where they differ, device by device.

The command fails when there is a difference. With --live it does not for what phones do at the store meanwhile: devices
that were seen later there, new ones, and those whose token another one holds now that was seen later.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (o.input.file == "") == (other.url == "") {
				return errors.New("give either --file or --against-server to compare with")
			}
			if err := o.input.check(); err != nil {
				return err
			}
			server, err := store.connect(cmd.Context(), s)
			if err != nil {
				return err
			}
			if other.url == "" {
				return verifyFile(cmd.Context(), server, o)
			}
			against, err := other.connect(cmd.Context(), s)
			if err != nil {
				return err
			}
			return verifyServers(cmd.Context(), server, against, o)
		},
	}
	store.flags(cmd, "")
	other.flags(cmd, "against-")
	o.input.flags(cmd)
	cmd.Flags().BoolVar(&o.live, "live", false, "allow what phones do at the store meanwhile")
	return cmd
}
