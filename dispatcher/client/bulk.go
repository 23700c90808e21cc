package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// ErrCutOff says that an export ended before its end: go on behind the last
// device that came.
var ErrCutOff = errors.New("the answer was cut off")

// ExportBindings gives each the devices behind the cursor after, at most limit
// of them or all for 0, and returns their total. It has checked the total; Next
// is set when there may be more devices.
func (s *Server) ExportBindings(ctx context.Context, after, limit int64, each func(wire.DeviceRecord) error) (wire.BindingsTotal, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.FormatInt(limit, 10)}}
	resp, err := s.open(ctx, call{method: http.MethodGet, path: "/v1/bindings?" + query.Encode(), bearer: s.key})
	if err != nil {
		return wire.BindingsTotal{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	return readExport(resp.Body, each)
}

func readExport(r io.Reader, each func(wire.DeviceRecord) error) (wire.BindingsTotal, error) {
	var sum bulk.Sum
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, wire.MaxLineBytes)
	for lines.Scan() {
		line, err := bulk.Parse(lines.Bytes(), time.Time{})
		if err != nil {
			return wire.BindingsTotal{}, fmt.Errorf("%w: %w", ErrCutOff, err)
		}
		if line.Total != nil {
			return checked(*line.Total, sum.Total())
		}
		if err := each(*line.Device); err != nil {
			return wire.BindingsTotal{}, err
		}
		sum.Add(*line.Device)
	}
	return wire.BindingsTotal{}, errors.Join(ErrCutOff, lines.Err())
}

// checked compares what the dispatcher says it sent with what came.
func checked(said, came wire.BindingsTotal) (wire.BindingsTotal, error) {
	if said.Count != came.Count || said.Checksum != came.Checksum {
		return wire.BindingsTotal{}, fmt.Errorf("%w: %d devices came and %d were sent, or they differ", ErrCutOff, came.Count, said.Count)
	}
	return said, nil
}

// ImportBindings stores up to wire.MaxImportLines lines: devices, or rows of
// another system's token table that was read at asOf. The same lines may be sent again.
func (s *Server) ImportBindings(ctx context.Context, lines []byte, asOf time.Time) (wire.ImportedBindings, error) {
	path := "/v1/bindings"
	if !asOf.IsZero() {
		path += "?" + url.Values{"asOf": {asOf.UTC().Format(time.RFC3339Nano)}}.Encode()
	}
	var out wire.ImportedBindings
	err := s.do(ctx, call{method: http.MethodPost, path: path, bearer: s.key, lines: lines}, &out)
	return out, err
}

// BindingsTotal counts devices behind the cursor and sums them up; with Next in
// the answer there may be more, behind that cursor.
func (s *Server) BindingsTotal(ctx context.Context, after int64) (wire.BindingsTotal, error) {
	var out wire.BindingsTotal
	err := s.call(ctx, http.MethodGet, "/v1/bindings:checksum?after="+strconv.FormatInt(after, 10), nil, &out)
	return out, err
}
