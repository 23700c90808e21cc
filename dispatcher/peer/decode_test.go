package peer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
)

func TestRequestsAreChecked(t *testing.T) {
	t.Parallel()
	many := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+",", maxItems+1), ",") }
	tests := []struct {
		name, path, body string
		want             string // of the error; empty when it is good
	}{
		{"fence", fencePath, `{"changes":[{"device":1,"epoch":0}],"reason":"rebound"}`, ""},
		{"nothing to fence", fencePath, `{"changes":[],"reason":"rebound"}`, "changes: must hold 1 to 1000 items, holds 0"},
		{"too much to fence", fencePath, `{"changes":[` + many(`{"device":1,"epoch":1}`) + `],"reason":"rebound"}`, "holds 1001"},
		{"no device", fencePath, `{"changes":[{"device":1,"epoch":1},{"epoch":1}],"reason":"rebound"}`, "changes[1].device: must be at least 1"},
		{"bad epoch", fencePath, `{"changes":[{"device":1,"epoch":-1}],"reason":"rebound"}`, "changes[0].epoch: must be at least 0"},
		{"no reason", fencePath, `{"changes":[{"device":1,"epoch":1}]}`, "reason: must not be empty"},
		{"unknown field", fencePath, `{"changes":[{"device":1,"epoch":1}],"reason":"r","soon":true}`, "known fields only"},
		{"unknown field inside", fencePath, `{"changes":[{"device":1,"epoch":1,"x":1}],"reason":"r"}`, "known fields only"},
		{"hint", hintsPath, `{"hints":[{"userID":"bob","upTo":1}]}`, ""},
		{"hint for all", hintsPath, `{"all":true}`, ""},
		{"no hint", hintsPath, `{}`, ""},
		{"no user", hintsPath, `{"hints":[{"upTo":1}]}`, "hints[0].userID: must not be empty"},
		{"no sequence", hintsPath, `{"hints":[{"userID":"bob"}]}`, "hints[0].upTo: must be at least 1"},
		{"too many hints", hintsPath, `{"all":true,"hints":[` + many(`{"userID":"b","upTo":1}`) + `]}`, "holds 1001"},
		{"replaced", replacedPath, `{"sessions":[{"device":1,"number":2}]}`, ""},
		{"nothing replaced", replacedPath, `{"sessions":null}`, "sessions: must hold 1"},
		{"no number", replacedPath, `{"sessions":[{"device":1}]}`, "sessions[0].number: must be at least 1"},
		{"no JSON", replacedPath, `hello`, "one JSON object"},
		{"two objects", hintsPath, `{"all":true}{"all":true}`, "must end after one JSON object"},
		{"a name twice", replacedPath, `{"sessions":null,"sessions":[{"device":1,"number":1}]}`, "twice"},
		{"a name in another case", hintsPath, `{"all":true,"ALL":false}`, "twice"},
		{"half of a pair", hintsPath, `{"hints":[{"userID":"\ud800","upTo":1}]}`, "surrogate"},
		{"no UTF-8", hintsPath, "{\"hints\":[{\"userID\":\"\xff\",\"upTo\":1}]}", "UTF-8"},
		{"very deep", hintsPath, strings.Repeat(`{"hints":[`, 9000), "one JSON object"},
		{"too large", hintsPath, `{"all":true` + strings.Repeat(" ", maxBody) + `}`, "512 KiB"},
		{"too much behind", hintsPath, `{"all":true}` + strings.Repeat(" ", maxBody), "512 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := decode(strings.NewReader(tt.body), requestAt(tt.path))
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func requestAt(path string) request {
	switch path {
	case fencePath:
		return &fenceRequest{}
	case hintsPath:
		return &hintsRequest{}
	}
	return &replacedRequest{}
}

// TestTheLargestRequestFits: what the limits of items allow, the limit of bytes does too.
func TestTheLargestRequestFits(t *testing.T) {
	t.Parallel()
	var n news
	for i := range maxItems {
		n.hint(fmt.Sprintf("%04d%s", i, strings.Repeat("<", 60)), 1<<62)
	}
	requests := n.requests()
	b, err := json.Marshal(requests[0].in)
	if err != nil || len(requests) != 1 {
		t.Fatal(err, len(requests))
	}
	if err := decode(bytes.NewReader(b), &hintsRequest{}); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func TestABadRequestIsRefused(t *testing.T) {
	t.Parallel()
	h := Handler(HandlerDeps{})
	for _, path := range []string{fencePath, hintsPath, replacedPath} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("[]")))
		if rec.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", path, rec.Code, rec.Body)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(0, []byte(`{"changes":[{"device":1,"epoch":1}],"reason":"rebound"}`))
	f.Add(1, []byte(`{"hints":[{"userID":"bob","upTo":1}],"all":true}`))
	f.Add(2, []byte(`{"sessions":[{"device":1,"number":2}]}`))
	f.Add(1, []byte(`{"hints":[],"All":true}`))
	f.Add(3, []byte(`{"incarnation":7}`))
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		fresh := func() request {
			switch kind % 4 {
			case 0:
				return &fenceRequest{}
			case 1:
				return &hintsRequest{}
			case 2:
				return &replacedRequest{}
			}
			return &answer{}
		}
		in := fresh()
		if decode(bytes.NewReader(body), in) != nil {
			return
		}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		again := fresh()
		if err := decode(bytes.NewReader(b), again); err != nil {
			t.Fatalf("what was good is refused: %v", err)
		}
		if diff := cmp.Diff(in, again, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRowsAreBounded(t *testing.T) {
	t.Parallel()
	var r rows
	for id := range int64(30) {
		r.add(1, deliveryOf(id, 1000))
	}
	if len(r.stored[1]) != maxTargets/1000 || r.targets != maxTargets {
		t.Errorf("%d rows with %d targets", len(r.stored[1]), r.targets)
	}
}

func TestReplacedSessionsAreBounded(t *testing.T) {
	t.Parallel()
	var n news
	for device := range int64(maxReplaced + 1) {
		n.replace(device+1, 1)
	}
	n.replace(1, 2)
	if len(n.replaced) != maxReplaced || n.replaced[1] != 2 {
		t.Errorf("%d sessions, the first is %d", len(n.replaced), n.replaced[1])
	}
}

func deliveryOf(id int64, targets int) []message.Delivery {
	return []message.Delivery{{ID: id, Targets: make([]message.Target, targets)}}
}
