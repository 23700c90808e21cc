package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// exportChunk is how many devices are asked for at once. They are written when
// all have come and their checksum is right.
const exportChunk = 5000

// export writes all devices to the file, or the rest of them.
func export(ctx context.Context, from *server, path string) error {
	if path == "" {
		total, err := (&exporter{from: from, to: from.Out}).run(ctx)
		if err == nil {
			from.say("exported %d devices, checksum %s", total.Count, total.Checksum)
		}
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	total, err := exportTo(ctx, from, file)
	if err = errors.Join(err, file.Close()); err == nil {
		from.say("%s holds %d devices, checksum %s", path, total.Count, total.Checksum)
	}
	return err
}

func exportTo(ctx context.Context, from *server, file *os.File) (total wire.BindingsTotal, err error) {
	begun, err := readExport(file, nil)
	if err != nil {
		return total, fmt.Errorf("--file: %s is no export: %w; choose another file", file.Name(), err)
	}
	if begun.complete {
		return total, fmt.Errorf("--file: %s holds a complete export; choose another file, or remove it", file.Name())
	}
	if err := checkOrigin(ctx, from, begun.last); err != nil {
		return total, fmt.Errorf("--file: %s %w; choose another file", file.Name(), err)
	}
	if err := file.Truncate(begun.end); err != nil {
		return total, fmt.Errorf("--file: %w", err)
	}
	if _, err := file.Seek(begun.end, io.SeekStart); err != nil {
		return total, fmt.Errorf("--file: %w", err)
	}
	if begun.end > 0 {
		from.say("going on behind the %d devices of %s", begun.sum.Total().Count, file.Name())
	}
	total, err = (&exporter{from: from, to: file, sum: begun.sum, after: begun.last.Cursor}).run(ctx)
	if err != nil {
		return total, fmt.Errorf("%w; run the same command again, it goes on where the file ends", err)
	}
	return total, file.Sync()
}

// checkOrigin refuses to go on with an export of another store, where the
// cursor means something else.
func checkOrigin(ctx context.Context, from *server, last wire.DeviceRecord) error {
	if last.Cursor == 0 {
		return nil
	}
	found, _, err := from.chunk(ctx, last.Cursor-1, 1)
	if err == nil && len(found) == 1 && found[0].Cursor == last.Cursor && found[0].PushID != last.PushID {
		return errors.New("was begun with another store")
	}
	return err
}

// exporter writes devices chunk by chunk, and their total.
type exporter struct {
	from  *server
	to    io.Writer
	sum   bulk.Sum
	after int64
}

func (e *exporter) run(ctx context.Context) (wire.BindingsTotal, error) {
	progress := e.from.progress("exported")
	for more := true; more; more = e.after != 0 {
		devices, next, err := e.from.chunk(ctx, e.after, exportChunk)
		if err != nil {
			return wire.BindingsTotal{}, err
		}
		var lines bytes.Buffer
		for _, d := range devices {
			lines.Write(bulk.Encode(d))
			e.sum.Add(d)
		}
		e.after = next
		if err := e.write(lines.Bytes()); err != nil {
			return wire.BindingsTotal{}, err
		}
		progress.at(e.sum.Total().Count)
	}
	return e.sum.Total(), e.write(bulk.Encode(e.sum.Total()))
}

func (e *exporter) write(lines []byte) error {
	if _, err := e.to.Write(lines); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}
