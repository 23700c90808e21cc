package process

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/offlinepush/operator/dispatcher/report"
)

// PushTest asks for a push test as the controllers do. It gives the state, or the refusal with its status.
func (d *Dispatcher) PushTest(tb testing.TB, test report.PushTest) (status int, state report.PushTestState, refusal report.PushTestRefusal) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	body, err := json.Marshal(test)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.AdminURL+report.PushTestPath, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.document.Keys.Report.Reveal())
	resp, err := d.admin.Do(req)
	if err != nil {
		tb.Fatalf("asking for a push test: %v", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is in memory
	var answer any = &state
	if resp.StatusCode != http.StatusOK {
		answer = &refusal
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		tb.Fatalf("the answer %d to a push test: %v", resp.StatusCode, err)
	}
	return resp.StatusCode, state, refusal
}
