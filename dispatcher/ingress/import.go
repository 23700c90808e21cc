package ingress

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

type importInput struct {
	AsOf    time.Time `query:"asOf" doc:"When the token table was read, in RFC 3339: it counts as the updatedAt of rows that have none. Without it each row needs its own."`
	RawBody []byte    `contentType:"application/x-ndjson"`
}

type importOutput struct{ Body wire.ImportedBindings }

func (p *serverPlane) importBindings(ctx context.Context, in *importInput) (*importOutput, error) {
	lines, err := readLines(in.RawBody, in.AsOf)
	if err != nil {
		return nil, err
	}
	records := make([]store.Record, len(lines.devices))
	for i, d := range lines.devices {
		records[i] = recordOf(*d.Device)
	}
	doc, _ := p.deps.Live.Current()
	since := p.deps.Store.Now().Add(-time.Duration(doc.Retention.InactiveDevicesSeconds) * time.Second)
	imported, err := p.deps.Bindings.Import(ctx, records, since)
	if err != nil {
		return nil, err
	}
	out := &importOutput{Body: wire.ImportedBindings{Refused: lines.refused}}
	for i, r := range imported {
		lines.devices[i].countIn(&out.Body, r)
	}
	slices.SortFunc(out.Body.Refused, func(a, b wire.RefusedLine) int { return a.Line - b.Line })
	return out, nil
}

// lines are those of an import.
type lines struct {
	devices []numbered
	refused []wire.RefusedLine
}

// numbered is a line with its place.
type numbered struct {
	number int
	bulk.Line
}

func readLines(body []byte, asOf time.Time) (*lines, error) {
	out := &lines{refused: []wire.RefusedLine{}}
	number := 0
	for line := range bytes.Lines(body) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(out.devices)+len(out.refused) == wire.MaxImportLines {
			return nil, tooManyLines()
		}
		read, err := bulk.Parse(line, asOf)
		switch {
		case err != nil:
			out.refused = append(out.refused, wire.RefusedLine{Line: number, Errors: bulk.Problems(err)})
		case read.Device != nil:
			out.devices = append(out.devices, numbered{number, read})
		}
	}
	return out, nil
}

func tooManyLines() *failure {
	f := fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "fields of the request break their rules, see errors")
	f.Errors = []wire.FieldError{{Field: "body", Message: fmt.Sprintf("must have at most %d lines; split it", wire.MaxImportLines)}}
	return f
}

// countIn adds what became of the line to the answer.
func (n numbered) countIn(out *wire.ImportedBindings, r store.Imported) {
	if r.Err != nil {
		out.Refused = append(out.Refused, wire.RefusedLine{Line: n.number, Errors: n.problems(r.Err)})
		return
	}
	switch r.Outcome {
	case store.ImportCreated:
		out.Created++
	case store.ImportUpdated:
		out.Updated++
	case store.ImportUnchanged:
		out.Unchanged++
	case store.ImportOutdated:
		out.Outdated++
	}
}

// problems names the fields as the line has them.
func (n numbered) problems(err error) (out []wire.FieldError) {
	for _, e := range bulk.Problems(err) {
		if n.Row {
			if e.Field == "registeredAt" {
				continue // It is seenAt again.
			}
			e.Field = rowField(e.Field)
		}
		out = append(out, e)
	}
	return out
}

// rowField is what a field of a device is called in a row of a token table.
func rowField(field string) string {
	switch {
	case field == "seenAt":
		return "updatedAt"
	case field == "tokens":
		return "kind"
	case strings.HasPrefix(field, "tokens."):
		return "token"
	}
	return field
}

// recordOf reads a device as it travels; Parse has checked its form.
func recordOf(d wire.DeviceRecord) store.Record {
	hash, _ := bulk.SecretHash(d.DeviceSecretHash)
	r := store.Record{
		Device: message.Device{
			PushID: d.PushID, SecretHash: hash, Platform: d.Platform, UserID: d.UserID, RegisteredAt: d.RegisteredAt,
			Selector: message.Selector{Vendor: d.Vendor, AppType: d.AppType, Region: d.Region, Environment: d.Environment},
		},
		Tokens: map[message.TokenKind]string{}, SeenAt: d.SeenAt,
	}
	for kind, token := range d.Tokens {
		r.Tokens[message.TokenKind(kind)] = token
	}
	return r
}
