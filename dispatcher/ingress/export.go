package ingress

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// exportPage is how many devices are read at once.
	exportPage = 1000
	// pageTimeout is how long a caller may take to read a page.
	pageTimeout = 30 * time.Second
)

type exportInput struct {
	After int64 `query:"after" minimum:"0" doc:"Only devices behind this cursor; all without it."`
	Limit int64 `query:"limit" minimum:"0" doc:"How many devices the answer has at most. Without it, or with 0, all."`
}

func (p *serverPlane) export(_ context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if in.Limit == 0 {
		in.Limit = math.MaxInt64
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) { p.stream(ctx, in) }}, nil //nolint:contextcheck // The library's context holds the request's.
}

// stream writes page by page, as fast as the caller reads. It cuts the answer off
// when the store fails behind the first page, so that it cannot pass for a whole one.
func (p *serverPlane) stream(ctx huma.Context, in *exportInput) {
	_, w := humago.Unwrap(ctx)
	answer := http.NewResponseController(w)
	out := &pageWriter{w: w, answer: answer}
	begun := false
	for page, err := range p.pages(ctx.Context(), in.After, in.Limit) {
		switch {
		case err != nil && !begun:
			p.failureOf(ctx.Context(), err).write(ctx, p.api)
			return
		case err != nil:
			_ = p.failureOf(ctx.Context(), err) // This logs it.
			panic(http.ErrAbortHandler)
		case !begun:
			begun = true
			ctx.SetHeader("Content-Type", wire.NDJSONType)
			ctx.SetStatus(http.StatusOK)
		}
		if out.write(page) != nil {
			panic(http.ErrAbortHandler) // The caller has hung up.
		}
	}
}

// page is what is read at once.
type page struct {
	devices []wire.DeviceRecord
	// total is of all pages so far; last marks the last one.
	total wire.BindingsTotal
	last  bool
}

// pages reads devices page by page; there is always a last one, unless there is an error.
func (p *serverPlane) pages(ctx context.Context, after, limit int64) iter.Seq2[page, error] {
	return func(yield func(page, error) bool) {
		var sum bulk.Sum
		for {
			size := min(limit, exportPage)
			devices, err := p.page(ctx, after, int(size))
			if err != nil {
				yield(page{}, err)
				return
			}
			for _, d := range devices {
				sum.Add(d)
				after = d.Cursor
			}
			limit -= size
			full := int64(len(devices)) == size
			next := page{devices: devices, total: sum.Total(), last: !full || limit == 0}
			if full && limit == 0 {
				next.total.Next = after
			}
			if !yield(next, nil) || next.last {
				return
			}
		}
	}
}

func (p *serverPlane) page(ctx context.Context, after int64, size int) ([]wire.DeviceRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	records, err := p.deps.Store.Export(ctx, after, size)
	if err != nil {
		return nil, fmt.Errorf("exporting devices: %w", err)
	}
	devices := make([]wire.DeviceRecord, len(records))
	for i, r := range records {
		devices[i] = movedDevice(r)
	}
	return devices, nil
}

// pageWriter writes pages, each with its own deadline instead of one for the whole answer.
type pageWriter struct {
	w      http.ResponseWriter
	answer *http.ResponseController
}

func (o *pageWriter) write(p page) error {
	var lines bytes.Buffer
	for _, d := range p.devices {
		lines.Write(bulk.Encode(d))
	}
	if p.last {
		lines.Write(bulk.Encode(p.total))
	}
	_ = o.answer.SetWriteDeadline(time.Now().Add(pageTimeout)) // Tests may write to what has no deadline.
	if _, err := o.w.Write(lines.Bytes()); err != nil {
		return err
	}
	return o.answer.Flush()
}

type checksumInput struct {
	After int64 `query:"after" minimum:"0" doc:"Only devices behind this cursor; all without it."`
}

type checksumOutput struct{ Body wire.BindingsTotal }

func (p *serverPlane) checksum(ctx context.Context, in *checksumInput) (*checksumOutput, error) {
	out := &checksumOutput{}
	for page, err := range p.pages(ctx, in.After, wire.MaxTotalDevices) {
		if err != nil {
			return nil, err
		}
		out.Body = page.total
	}
	return out, nil
}

// movedDevice is a device as it travels.
func movedDevice(r store.Record) wire.DeviceRecord {
	d := r.Device
	out := wire.DeviceRecord{
		PushID: d.PushID, DeviceSecretHash: bulk.FormatSecretHash(d.SecretHash), Vendor: d.Selector.Vendor,
		AppType: d.Selector.AppType, Region: d.Selector.Region, Environment: d.Selector.Environment, Platform: d.Platform,
		Tokens: map[string]string{}, UserID: d.UserID, RegisteredAt: d.RegisteredAt.UTC(), SeenAt: r.SeenAt.UTC(), Cursor: d.Key,
	}
	for kind, token := range r.Tokens {
		out.Tokens[string(kind)] = token
	}
	return out
}
