package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

type verifyOptions struct {
	input input
	live  bool
}

// verifyFile compares a store with a file.
func verifyFile(ctx context.Context, store *server, o verifyOptions) (err error) {
	source, err := o.input.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	expected := newInventory()
	if o.input.format != formatNDJSON {
		if err := expected.addTable(source, o.input); err != nil {
			return fmt.Errorf("--file: %s: %w", o.input.file, err)
		}
		return compare(ctx, expected, store, o)
	}
	file, err := readExport(source, func(_ int, d wire.DeviceRecord) error {
		expected.add(d, false)
		return nil
	})
	if err != nil {
		return fmt.Errorf("--file: %s: %w", o.input.file, err)
	}
	if !file.complete {
		return fmt.Errorf("--file: %s has no total, its export did not end: run the export again", o.input.file)
	}
	same, err := sameTotals(ctx, store, o.input.file, file.sum.Total())
	if same || err != nil {
		return err
	}
	return compare(ctx, expected, store, o)
}

// verifyServers compares a store with another one.
func verifyServers(ctx context.Context, store, against *server, o verifyOptions) error {
	total, err := against.total(ctx)
	if err != nil {
		return err
	}
	same, err := sameTotals(ctx, store, against.url, total)
	if same || err != nil {
		return err
	}
	expected := newInventory()
	if err := against.each(ctx, "read from "+against.url, func(d wire.DeviceRecord) { expected.add(d, false) }); err != nil {
		return err
	}
	return compare(ctx, expected, store, o)
}

// sameTotals compares by count and checksum.
func sameTotals(ctx context.Context, store *server, name string, want wire.BindingsTotal) (bool, error) {
	got, err := store.total(ctx)
	if err != nil {
		return false, err
	}
	store.say("%s holds %d devices, checksum %s", name, want.Count, want.Checksum)
	store.say("%s holds %d devices, checksum %s", store.url, got.Count, got.Checksum)
	if got == want {
		store.say("they are the same")
	}
	return got == want, nil
}

// each gives all devices of the store.
func (s *server) each(ctx context.Context, what string, give func(wire.DeviceRecord)) error {
	progress, n := s.progress(what), int64(0)
	for after, more := int64(0), true; more; more = after != 0 {
		devices, next, err := s.chunk(ctx, after, exportChunk)
		if err != nil {
			return err
		}
		for _, d := range devices {
			give(d)
		}
		after, n = next, n+int64(len(devices))
		progress.at(n)
	}
	return nil
}

// compare compares a store with what is expected of it, device by device.
func compare(ctx context.Context, expected *inventory, store *server, o verifyOptions) error {
	diff := &difference{}
	if err := store.each(ctx, "compared", func(d wire.DeviceRecord) { expected.meet(d, diff) }); err != nil {
		return err
	}
	expected.miss(diff)
	for _, g := range diff.groups() {
		if g.count > 0 {
			store.say("%d %s: %s", g.count, g.what, g.sample())
		}
	}
	if wrong := diff.wrong(o.live); wrong > 0 {
		return fmt.Errorf("%d devices differ, see above; import again, or with --live when phones use the store already", wrong)
	}
	store.say("%d devices are the same, nothing is missing", diff.same)
	return nil
}

// addTable adds the rows of a token table.
func (v *inventory) addTable(source *source, i input) error {
	rows, err := i.rows(source)
	if err != nil {
		return err
	}
	for {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, err := bulk.Parse(row.line, source.asOf)
		if err != nil {
			return fmt.Errorf("line %d: %w", row.number, err)
		}
		if line.Device != nil {
			v.add(*line.Device, line.Row)
		}
	}
}
