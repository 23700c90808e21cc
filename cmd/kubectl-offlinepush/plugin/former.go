package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// retireGone takes token and binding from devices of the former export that are
// gone from the present one: they were unregistered, or replaced by others.
func (i *importer) retireGone(ctx context.Context, present *source, former string) error {
	seen := map[string]time.Time{}
	if err := reread(present.File, func(_ int, d wire.DeviceRecord) error {
		seen[d.PushID] = d.SeenAt
		return nil
	}); err != nil {
		return err
	}
	file, err := os.Open(former)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	gone := 0
	if err := reread(file, func(_ int, d wire.DeviceRecord) error {
		at, kept := seen[d.PushID]
		if kept && at.Before(d.SeenAt) {
			return fmt.Errorf("%s is later than %s: exchange them", former, present.Name())
		}
		if !kept {
			gone++
		}
		return nil
	}); err != nil {
		return err
	}
	i.to.say("%d devices of %s are gone since", gone, former)
	i.name = former
	if err := reread(file, func(number int, d wire.DeviceRecord) error {
		if _, kept := seen[d.PushID]; kept {
			return nil
		}
		return i.retire(ctx, number, d)
	}); err != nil {
		return err
	}
	return i.flush(ctx, "")
}

// retire sends a device as it is when it has lost everything. What its phone did
// later at the store stays.
func (i *importer) retire(ctx context.Context, number int, d wire.DeviceRecord) error {
	d.Tokens, d.UserID, d.SeenAt = nil, "", d.SeenAt.Add(time.Millisecond)
	i.add(number, bulk.Encode(d))
	if i.full() {
		return i.flush(ctx, "")
	}
	return nil
}

// reread reads an export from its begin.
func reread(file *os.File, each func(number int, d wire.DeviceRecord) error) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := readExport(file, each); err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	return nil
}
