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

// former is an export that was imported before. Against it, only what changed
// since is imported: a device that is as it was then may have been unregistered
// at the store meanwhile, and must not come back.
type former struct {
	file    *os.File // nil when there is none
	devices map[string]*formerDevice
}

type formerDevice struct {
	digest [16]byte
	seen   time.Time
	kept   bool // the present export has it, too
}

func openFormer(path string) (*former, error) {
	f := &former{devices: map[string]*formerDevice{}}
	if path == "" {
		return f, nil
	}
	var err error
	if f.file, err = os.Open(path); err != nil {
		return nil, fmt.Errorf("--former: %w", err)
	}
	return f, f.read(func(_ int, d wire.DeviceRecord) error {
		f.devices[d.PushID] = &formerDevice{digest: shortDigest(d), seen: d.SeenAt}
		return nil
	})
}

func (f *former) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// read reads the file from its begin.
func (f *former) read(each func(number int, d wire.DeviceRecord) error) error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("--former: %w", err)
	}
	if _, err := readExport(f.file, each); err != nil {
		return fmt.Errorf("--former: %s: %w", f.file.Name(), err)
	}
	return nil
}

// keep notes a device of the present export.
func (f *former) keep(_ int, d wire.DeviceRecord) error {
	known := f.devices[d.PushID]
	if known == nil {
		return nil
	}
	if d.SeenAt.Before(known.seen) {
		return fmt.Errorf("device %s was seen later in %s: exchange the two files", d.PushID, f.file.Name())
	}
	known.kept = true
	return nil
}

// unchanged reports whether a line is a device as it was then.
func (f *former) unchanged(line []byte) bool {
	if f.file == nil {
		return false
	}
	read, err := bulk.Parse(line, time.Time{})
	if err != nil || read.Device == nil {
		return false
	}
	known := f.devices[read.Device.PushID]
	return known != nil && known.digest == shortDigest(*read.Device)
}

// retireGone takes token and binding from devices that are gone from the present
// export: they were unregistered, or replaced by others. What a phone did later
// at the store stays.
func (i *importer) retireGone(ctx context.Context) error {
	if i.former.file == nil {
		return nil
	}
	i.name = i.former.file.Name()
	gone := 0
	err := i.former.read(func(number int, d wire.DeviceRecord) error {
		if i.former.devices[d.PushID].kept {
			return nil
		}
		gone++
		d.Tokens, d.UserID, d.SeenAt = nil, "", d.SeenAt.Add(time.Millisecond)
		i.add(number, bulk.Encode(d))
		if i.full() {
			return i.flush(ctx, "")
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.to.say("%d devices are as in %s, %d of it are gone since", i.same, i.name, gone)
	return i.flush(ctx, "")
}
