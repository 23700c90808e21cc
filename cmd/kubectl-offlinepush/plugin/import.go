package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// importBytes leaves room for one more line.
	importBytes = wire.MaxImportBytes - wire.MaxLineBytes - 1
	// maxRefused ends an import whose file is wrong as a whole.
	maxRefused = 1000
)

type importOptions struct {
	input         input
	state, former string
	incomplete    bool
}

func (o *importOptions) check() error {
	if o.input.file == "" {
		return errors.New("--file must name the file to import")
	}
	if o.former != "" && (o.input.format != formatNDJSON || o.incomplete) {
		return errors.New("--former goes with a complete export only: --format ndjson without --incomplete")
	}
	if o.state == "" {
		o.state = o.input.file + ".state"
	}
	return o.input.check()
}

func importFile(ctx context.Context, to *server, o importOptions) (err error) {
	source, err := o.input.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	before, err := openFormer(o.former)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, before.close()) }()
	file := &exportFile{}
	if o.input.format == formatNDJSON {
		if file, err = o.checkExport(source, before); err != nil {
			return err
		}
	}
	i := &importer{to: to, asOf: source.asOf, name: o.input.file, place: o.place(to, source), former: before}
	if err := i.run(ctx, source, o); err != nil {
		return fmt.Errorf("%w; run the same command again, it goes on behind line %d", err, i.place.Line)
	}
	if err := i.retireGone(ctx); err != nil {
		return fmt.Errorf("%w; run the same command again", err)
	}
	if err := os.Remove(o.state); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--state: %w", err)
	}
	return i.conclude(ctx, file)
}

// checkExport reads the file before anything of it is sent.
func (o *importOptions) checkExport(source *source, before *former) (*exportFile, error) {
	file, err := readExport(source, before.keep)
	if err != nil {
		return nil, fmt.Errorf("--file: %s: %w", o.input.file, err)
	}
	if !file.complete && !o.incomplete {
		return nil, fmt.Errorf("--file: %s has no total, its export did not end: run the export again, or give --incomplete", o.input.file)
	}
	return file, nil
}

// importer sends lines, as many at once as a request may have.
type importer struct {
	to    *server
	asOf  time.Time
	name  string
	place place

	former *former
	same   int // as in the former export

	body    bytes.Buffer
	numbers []int // of the lines in body
}

func (i *importer) run(ctx context.Context, source *source, o importOptions) error {
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return err
	}
	rows, err := o.input.rows(source)
	if err != nil {
		return fmt.Errorf("--file: %s: %w", i.name, err)
	}
	if i.place.Line > 0 {
		i.to.say("going on behind line %d of %s", i.place.Line, i.name)
	}
	progress := i.to.progress("imported up to line")
	for {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return i.flush(ctx, o.state)
		}
		if err != nil {
			return fmt.Errorf("--file: %s: %w", i.name, err)
		}
		if row.number <= i.place.Line {
			continue
		}
		if i.full() {
			if err := i.flush(ctx, o.state); err != nil {
				return err
			}
			progress.at(int64(i.place.Line))
		}
		if i.former.unchanged(row.line) {
			i.same++
			continue
		}
		i.add(row.number, row.line)
	}
}

func (i *importer) add(number int, line []byte) {
	i.numbers = append(i.numbers, number)
	i.body.Write(bytes.TrimSpace(line))
	i.body.WriteByte('\n')
}

func (i *importer) full() bool {
	return len(i.numbers) == wire.MaxImportLines || i.body.Len() > importBytes
}

// flush sends what was added and remembers the place in the file, if there is one.
func (i *importer) flush(ctx context.Context, state string) error {
	if len(i.numbers) == 0 {
		return nil
	}
	var answer wire.ImportedBindings
	err := i.to.retry(ctx, func() (err error) {
		answer, err = i.to.ImportBindings(ctx, i.body.Bytes(), i.asOf)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range answer.Refused {
		for _, e := range r.Errors {
			i.to.say("%s:%d: %s: %s", i.name, i.number(r.Line), e.Field, e.Message)
		}
	}
	i.place.count(answer)
	if i.place.Refused > maxRefused {
		return fmt.Errorf("%d lines are refused already: correct %s first", i.place.Refused, i.name)
	}
	last := i.numbers[len(i.numbers)-1]
	i.body.Reset()
	i.numbers = i.numbers[:0]
	if state == "" {
		return nil
	}
	i.place.Line = last
	return i.place.save(state)
}

// number is the place in the file of a line in the request.
func (i *importer) number(line int) int {
	if line < 1 || line > len(i.numbers) {
		return 0
	}
	return i.numbers[line-1]
}

// conclude tells what became of the lines and what the store holds now.
func (i *importer) conclude(ctx context.Context, file *exportFile) error {
	p := i.place
	i.to.say("imported: %d created, %d updated, %d unchanged, %d outdated, %d refused", p.Created, p.Updated, p.Unchanged, p.Outdated, p.Refused)
	store, err := i.to.total(ctx)
	if err != nil {
		return fmt.Errorf("everything is imported, but the store could not be counted: %w", err)
	}
	i.to.say("the store holds %d devices, checksum %s", store.Count, store.Checksum)
	if came := file.sum.Total(); file.complete && came == store {
		i.to.say("the file holds the same")
	} else if file.complete {
		i.to.say("the file holds %d devices, checksum %s; kubectl offlinepush bindings verify tells the difference", came.Count, came.Checksum)
	}
	if p.Refused > 0 {
		return fmt.Errorf("%d lines are refused, see above: correct them and import again", p.Refused)
	}
	return nil
}
