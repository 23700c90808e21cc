package plugin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// row is a line of an input, as JSON.
type row struct {
	number int
	line   []byte // without its end; valid until the next row
	whole  bool   // false when the file ends before the line does
	end    int64  // the offset behind it
}

// rows gives the rows of an input; io.EOF behind the last one.
type rows interface {
	next() (row, error)
}

// lineRows are lines that are not empty.
type lineRows struct {
	r      *bufio.Reader
	number int
	end    int64
}

func newLineRows(r io.Reader) *lineRows {
	return &lineRows{r: bufio.NewReaderSize(r, wire.MaxLineBytes+2)} // With the end of the line.
}

func (l *lineRows) next() (row, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return row{}, err
		}
		l.number++
		l.end += int64(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			return row{}, fmt.Errorf("line %d: must be at most %d bytes", l.number, wire.MaxLineBytes)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return row{}, fmt.Errorf("line %d: %w", l.number, err)
		}
		whole := err == nil
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return row{number: l.number, line: line, whole: whole, end: l.end}, nil
		}
	}
}

// exportFile is what a file of an export holds.
type exportFile struct {
	sum      bulk.Sum
	last     wire.DeviceRecord
	complete bool  // it ends with a total, which is right
	end      int64 // behind the last whole line
}

// readExport reads a file that an export wrote, or a part of it, and gives each
// device to each, which may be nil.
func readExport(r io.Reader, each func(number int, d wire.DeviceRecord) error) (*exportFile, error) {
	out := &exportFile{}
	for lines := newLineRows(r); ; {
		row, err := lines.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if !row.whole && !out.complete {
			return out, nil // The export was interrupted here.
		}
		if err := out.add(row, each); err != nil {
			return nil, fmt.Errorf("line %d: %w", row.number, err)
		}
	}
}

func (f *exportFile) add(r row, each func(int, wire.DeviceRecord) error) error {
	line, err := bulk.Parse(r.line, time.Time{})
	switch {
	case err != nil:
		return err
	case f.complete:
		return errors.New("nothing may follow the total")
	case line.Total != nil:
		f.complete = true
		if came := f.sum.Total(); came.Count != line.Total.Count || came.Checksum != line.Total.Checksum {
			return fmt.Errorf("the total is of %d devices and there are %d, or they were changed; export again", line.Total.Count, came.Count)
		}
	default:
		f.sum.Add(*line.Device)
		f.last = *line.Device
		if each != nil {
			err = each(r.number, *line.Device)
		}
	}
	f.end = r.end
	return err
}
