package plugin

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The formats of an input.
const (
	formatNDJSON = "ndjson"
	formatTokens = "tokens"
	formatCSV    = "csv"
)

// input is a file as the flags name it.
type input struct{ file, format, asOf string }

func (i *input) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.file, "file", "", "file to read")
	cmd.Flags().StringVar(&i.format, "format", formatNDJSON, "format of the file: ndjson, tokens or csv")
	cmd.Flags().StringVar(&i.asOf, "as-of", "",
		"when the token table was read, such as 2026-11-24T12:00:00Z, for rows without updatedAt; when the file was last changed if empty")
}

func (i *input) check() error {
	if !slices.Contains([]string{formatNDJSON, formatTokens, formatCSV}, i.format) {
		return errors.New("--format must be ndjson, tokens or csv")
	}
	if _, err := time.Parse(time.RFC3339, i.asOf); i.asOf != "" && err != nil {
		return errors.New("--as-of must be a time such as 2026-11-24T12:00:00Z")
	}
	return nil
}

// source is an input that is open.
type source struct {
	*os.File
	info os.FileInfo
	// asOf is when the table was read; it must be the same every time.
	asOf time.Time
}

func (i *input) open() (*source, error) {
	file, err := os.Open(i.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("--file: %s must be a regular file, which can be read twice", i.file), err, file.Close())
	}
	s := &source{File: file, info: info}
	switch {
	case i.format == formatNDJSON:
	case i.asOf == "":
		s.asOf = info.ModTime()
	default:
		s.asOf, _ = time.Parse(time.RFC3339, i.asOf) // check did.
	}
	return s, nil
}

func (i *input) rows(r io.Reader) (rows, error) {
	if i.format != formatCSV {
		return newLineRows(r), nil
	}
	return newCSVRows(r)
}

// csvRows are the lines of a CSV file behind the names of its columns.
type csvRows struct {
	r       *csv.Reader
	columns []string
}

func newCSVRows(r io.Reader) (*csvRows, error) {
	out := &csvRows{r: csv.NewReader(r)}
	var err error
	if out.columns, err = out.r.Read(); err != nil {
		return nil, fmt.Errorf("the names of the columns: %w", err)
	}
	out.columns[0] = strings.TrimPrefix(out.columns[0], "\ufeff") // As Excel writes it.
	out.r.ReuseRecord = true
	known := []string{"userID", "vendor", "token", "appType", "region", "environment", "platform", "kind", "updatedAt"}
	for n, name := range out.columns {
		if !slices.Contains(known, name) || slices.Contains(out.columns[:n], name) {
			return nil, fmt.Errorf("column %d must be one of %s, each once", n+1, strings.Join(known, ", "))
		}
	}
	for _, name := range known[:3] {
		if !slices.Contains(out.columns, name) {
			return nil, fmt.Errorf("the column %s is missing", name)
		}
	}
	return out, nil
}

func (c *csvRows) next() (row, error) {
	cells, err := c.r.Read()
	if err != nil {
		return row{}, err
	}
	number, _ := c.r.FieldPos(0)
	fields := map[string]any{}
	for n, name := range c.columns {
		if !utf8.ValidString(cells[n]) {
			return row{}, fmt.Errorf("line %d: %s must be valid UTF-8; write the file as UTF-8", number, name)
		}
		if cells[n] == "" && name != "token" { // It tells the row from others.
			continue
		}
		fields[name] = cells[n]
		if value, err := strconv.ParseInt(cells[n], 10, 32); err == nil && name == "appType" {
			fields[name] = value
		}
	}
	line, err := json.Marshal(fields)
	return row{number: number, line: line, whole: true, end: c.r.InputOffset()}, err
}
